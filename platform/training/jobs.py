"""Carrying a training job out: a process of its own learns, the worker watches, tells and takes what it made."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import orjson

from secretariat.models.adapters.files import VECTOR
from secretariat.models.checkpoints.digest import file_sha256
from secretariat.models.errors import ModelError
from secretariat.platform.access.repository import active_standing, user
from secretariat.platform.adapters import repository as learnt
from secretariat.platform.adapters.serving import packed
from secretariat.platform.audit.event import Actor, AuditEvent, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.jobs.errors import JobCancelledError, JobFailedError
from secretariat.platform.jobs.repository import cancel_requested
from secretariat.platform.jobs.run import JobRun
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.settings import Settings
from secretariat.platform.tables.training import AdapterRow, TrainingJobRow, TrainingMetricRow
from secretariat.platform.training import repository
from secretariat.platform.training.child import TrainingChild
from secretariat.platform.training.folder import Place, TrainingFolder
from secretariat.platform.training.gate import Losses
from secretariat.platform.training.service import basis_path

MANAGE = "training.manage"
LOOK_SECONDS = 0.3
CANCELLED = "cancelled"
CHANGED = "examples_changed"
_STEADY_SECONDS = 1.0
_MOST_DEATHS = 3  # without a step in between
_EVALUATIONS, _STATE_STEPS, _PATIENCE = 20, 20, 3  # of a run; steps; evaluations without a lower loss
_MESSAGES = {
    CANCELLED: "Somebody cancelled it.",
    "not_permitted": "The person who started it may no longer train models.",
    "quarantined": "It failed several times. Look at its log, then resume it.",
    "examples_gone": "Too many of its examples were erased.",
    "child_died": "The training process died again and again; it may need more memory than there is.",
    "nothing_made": "The training process ended and left no adapter.",
    "training_failed": "The training process failed.",
}


@dataclass(slots=True)
class _Watched:
    """One child's life: how far its lines were read, and what is known of the job meanwhile."""

    run: JobRun
    folder: TrainingFolder
    row: TrainingJobRow
    examples: int
    place: Place = field(default_factory=Place)
    seq: int = 0
    told: int = 0
    step: int = 0
    steady: bool = False
    looked_at: float = field(default=0.0)


async def train(run: JobRun) -> None:
    """From the state that an earlier attempt left. Raises JobFailedError, JobCancelledError."""
    row = await _begin(run)
    if row is None:
        return
    await _check(run, row)
    folder = TrainingFolder(run.services.settings.training_dir / run.tenant_id.hex / row.id.hex)
    deaths = 0
    while True:
        watched = await _prepared(run, row, folder)
        ending = await _one_child(watched)
        if ending is None:
            return
        if ending == CHANGED:
            continue
        deaths = 0 if watched.told else deaths + 1
        if deaths >= _MOST_DEATHS:
            raise await failed(run, "child_died")


async def on_quarantine(run: JobRun) -> None:
    """Every attempt failed: say so."""
    await failed(run, "quarantined")


async def _begin(run: JobRun) -> TrainingJobRow | None:
    """None when it has ended well. One that was cancelled or failed goes on when it is resumed."""
    async with run.session() as session:
        row = await repository.locked(session, run.subject_id)
        if row is None or row.status == "completed":
            return None
        row.status, row.started_at = "running", row.started_at or now()
        row.error = row.finished_at = None
        return row


async def _prepared(run: JobRun, row: TrainingJobRow, folder: TrainingFolder) -> _Watched:
    """The folder with what the child is told. Raises JobFailedError where nothing is left to learn."""
    contents = run.services.contents
    async with run.services.database.tenant(run.tenant_id) as session:
        examples = await repository.examples(session, row.id)
        living = [one for one in examples if one.content_id is not None]
        words = await contents.get_many(session, [one.content_id for one in living if one.content_id])
        newest = await repository.newest_metric(session, row.id)
    sides: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    for one in living:
        assert one.content_id is not None
        sides[one.held_out].append({"id": str(one.id), **orjson.loads(words[one.content_id])})
    if not sides[False] or not sides[True]:
        raise await failed(run, "examples_gone")
    told = job_of(row, run.services.settings)
    goes_on = await asyncio.to_thread(folder.prepare, told, sides[False], sides[True])
    watched = _Watched(run, folder, row, len(living), seq=newest.seq if newest else 0)
    if goes_on and newest is not None:
        watched.step = int(newest.line["step"])
    return watched


def job_of(row: TrainingJobRow, settings: Settings) -> dict[str, Any]:
    """job.json, without the paths of the examples."""
    asked, budget = row.settings, row.settings["budget"]
    learn = asked["learn"]
    if learn["kind"] == "svf":
        told = {"kind": "svf", "basis": str(basis_path(settings, row.model))}
    else:
        rank = learn["rank"]
        told = {"kind": "lora", "rank": rank, "alpha": 2 * rank, "rs": learn["rank_stabilised"]}
    every = max(1, asked["steps"] // _EVALUATIONS)
    return {
        "recipe": row.recipe,
        "model": str(settings.models_dir / row.model),
        "seed": asked["seed"],
        "steps": asked["steps"],
        "learning_rate": asked["learning_rate"],
        "learn": told,
        "evaluate_every": every,
        "state_every": min(every, _STATE_STEPS),
        "patience": _PATIENCE if asked["early_stopping"] else 0,
        "max_tokens": budget["tokens"] or 0,
        "dtype": "float32",
        "frozen": "u8",
        "max_seconds": 60 * (budget["minutes"] or 0),
        "threads": settings.training_threads,
    }


async def _one_child(watched: _Watched) -> str | None:
    """Until a child has ended: None where the job has, or why another is started. Raises JobFailedError,
    JobCancelledError."""
    run, folder = watched.run, watched.folder
    began = time.monotonic()
    child = await TrainingChild.start(folder.path, run.services.settings.training_threads)
    try:
        while not await child.ended(LOOK_SECONDS):
            await _tell(watched)
            ending = await _must_end(watched)
            if ending is not None:
                await child.stop()
                return await _put_down(watched, ending)
        await _tell(watched)
    finally:
        await asyncio.shield(child.stop())
        await asyncio.to_thread(folder.without_words)
        await _spent(run, time.monotonic() - began)
    return await _conclude(watched, child.code or 0)


async def _tell(watched: _Watched) -> None:
    """New lines into the journal; lines of steps that were told before an interruption aren't told again."""
    lines, watched.place = await asyncio.to_thread(watched.folder.progress, watched.place)
    steps = [line for line in lines if "step" in line and line["step"] > watched.step]
    if not steps:
        return
    run = watched.run
    async with run.session() as session:
        rows = [
            TrainingMetricRow(
                tenant_id=run.tenant_id, training_job_id=run.subject_id, seq=watched.seq + n, line=line
            )
            for n, line in enumerate(steps, 1)
        ]
        await repository.add_all(session, rows)
        row = await repository.locked(session, run.subject_id)
        assert row is not None
        row.progress = _progress(row.progress, steps)
        if not watched.steady:
            await repository.steady(session, run.job_id)
            watched.steady = True
    watched.seq += len(steps)
    watched.told += len(steps)
    watched.step = steps[-1]["step"]
    await run.progress(watched.step, steps[-1].get("of") or watched.step)


def _progress(before: dict[str, Any] | None, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The last line, with the last loss on held-out examples that was measured, and its gap."""
    measured = [line for line in [before or {}, *lines] if line.get("held_out") is not None]
    last = measured[-1] if measured else {}
    return {**lines[-1], "held_out": last.get("held_out"), "gap": last.get("gap")}


async def _must_end(watched: _Watched) -> str | None:
    """Why the child may not go on as of now."""
    if time.monotonic() - watched.looked_at < _STEADY_SECONDS:
        return None
    watched.looked_at = time.monotonic()
    run = watched.run
    async with run.services.database.tenant(run.tenant_id) as session:
        if await cancel_requested(session, run.job_id):
            return CANCELLED
        standing = await active_standing(session, watched.row.created_by)
        if standing is None or MANAGE not in standing.permissions:
            return "not_permitted"
        living = await learnt.living_count(session, run.subject_id)
        return CHANGED if living != watched.examples else None


async def _check(run: JobRun, row: TrainingJobRow) -> None:
    """Before anything is written. Raises JobCancelledError, JobFailedError."""
    async with run.services.database.tenant(run.tenant_id) as session:
        cancelled = await cancel_requested(session, run.job_id)
        standing = await active_standing(session, row.created_by)
    if cancelled:
        await _end(run, CANCELLED)
        raise JobCancelledError
    if standing is None or MANAGE not in standing.permissions:
        raise await failed(run, "not_permitted")


async def _put_down(watched: _Watched, ending: str) -> str:
    """The child has stopped. Raises JobCancelledError, JobFailedError."""
    if ending == CHANGED:  # its state knows what was erased
        await asyncio.to_thread(watched.folder.remove)
        return CHANGED
    if ending == CANCELLED:
        await _end(watched.run, CANCELLED)
        raise JobCancelledError
    raise await failed(watched.run, ending)


async def _spent(run: JobRun, seconds: float) -> None:
    async with run.session() as session:
        row = await repository.locked(session, run.subject_id)
        if row is not None:
            row.seconds += seconds


async def _conclude(watched: _Watched, code: int) -> str | None:
    """After the child ended by itself; "child_died" where another may go on. Raises JobFailedError."""
    run, folder = watched.run, watched.folder
    summary = await asyncio.to_thread(folder.summary)
    if code == 0 and summary is not None:
        taken = await _take(watched, summary)
        await asyncio.to_thread(folder.remove)
        return None if taken else CHANGED
    error = await asyncio.to_thread(folder.error)
    if error is not None:
        raise await failed(run, error.get("code", "training_failed"), error.get("message"))
    if code > 0:
        raise await failed(run, "training_failed")
    return "child_died"  # by a signal, or stopped by somebody else


async def _take(watched: _Watched, summary: dict[str, Any]) -> bool:
    """What it made becomes an adapter, with the end of the job and the record of both in one commit. False where
    examples were erased meanwhile: it knows them."""
    run, folder = watched.run, watched.folder.result
    try:
        data = await asyncio.to_thread(packed, folder)
    except ModelError as error:
        raise await failed(run, "nothing_made") from error
    weights = next(path for path in sorted(folder.iterdir()) if path.suffix == ".safetensors")
    digest = await asyncio.to_thread(file_sha256, weights)
    held_out, gap = summary.get("held_out"), summary.get("gap")
    loss = summary.get("loss") if held_out is None or gap is None else held_out - gap
    losses = Losses(loss, held_out, summary.get("first_held_out"))

    async def whole() -> Any:
        yield data

    async with run.session() as session:
        await learnt.before_gathering(session)
        row = await repository.locked(session, run.subject_id)
        assert row is not None
        if await learnt.living_count(session, row.id) != watched.examples:
            return False
        blob = await run.services.blobs.put(session, whole(), "application/x-tar")
        adapter = AdapterRow(
            tenant_id=run.tenant_id,
            id=new_id(),
            training_job_id=row.id,
            name=row.name,
            recipe=row.recipe,
            model=row.model,
            kind="svf" if weights.name == VECTOR else "lora",
            digest=digest,
            size=weights.stat().st_size,
            blob_id=blob.id,
            gap=losses.gap,
            created_by=row.created_by,
        )
        await repository.add(session, adapter)
        row.status, row.finished_at = "completed", now()
        row.result = {
            "steps": summary["steps"],
            "loss": losses.loss,
            "held_out_loss": losses.held_out,
            "first_held_out_loss": losses.first_held_out,
            "gap": losses.gap,
            "ended_by": summary["ended_by"],
        }
        asker = await user(session, row.created_by)
        actor = Actor("agent", asker.id, asker.email)
        details = {"training_job_id": str(row.id), "digest": digest, "model": row.model}
        resource = Resource("adapter", str(adapter.id), adapter.name)
        await record(session, AuditEvent("ADMIN", "adapter.made", actor, resource=resource, details=details))
    return True


async def failed(run: JobRun, code: str, message: str | None = None) -> JobFailedError:
    said = message or _MESSAGES.get(code, _MESSAGES["training_failed"])
    await _end(run, "failed", {"code": code, "message": said})
    return JobFailedError(code, said)


async def _end(run: JobRun, status: str, error: dict[str, str] | None = None) -> None:
    async with run.session() as session:
        row = await repository.locked(session, run.subject_id)
        if row is not None and row.status in repository.MOVING:
            row.status, row.finished_at, row.error = status, now(), error
