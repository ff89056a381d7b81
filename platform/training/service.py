"""What can be done with training jobs and uploads of examples. Takes the session first and never commits."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from secretariat.models.installed import default_chat
from secretariat.platform.access.caller import Caller
from secretariat.platform.adapters import repository as learnt
from secretariat.platform.adapters.lineage import told
from secretariat.platform.audit.event import ContentRef, EventType, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.contents.store import JSON, ContentStore
from secretariat.platform.db.session import TenantSession
from secretariat.platform.evaluation.repeats import Measured
from secretariat.platform.jobs import repository as jobs
from secretariat.platform.jobs.queue import Subject, ask_to_end, enqueue, wake
from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from secretariat.platform.settings import Settings
from secretariat.platform.tables.training import TrainingExampleRow, TrainingJobRow, TrainingUploadRow
from secretariat.platform.training import measured, repository, sources
from secretariat.platform.training.examples import LEARNS, Draft, held_out
from secretariat.platform.training.repository import MOVING, StoredJob
from secretariat.platform.training.schemas import ExampleKind, Recipe, TrainingRequest
from secretariat.platform.web.errors import ConflictError, InvalidError, NotFoundError

TRAIN = "training.train"
QUEUE = "training"
MOST_MOVING = 3
LEAST_EXAMPLES = 2
_BATCH = 500


class TrainingWaitingError(ConflictError):
    code, title = "TRAINING_WAITING", "Others wait"


class TrainingEndedError(ConflictError):
    code, title = "TRAINING_ENDED", "The training job has ended"


class TrainingMovingError(ConflictError):
    code, title = "TRAINING_MOVING", "The training job has yet to end"


class NothingToLearnError(InvalidError):
    code, title = "NOTHING_TO_LEARN", "Too few examples"


async def keep_upload(
    session: TenantSession,
    contents: ContentStore,
    caller: Caller,
    name: str,
    kind: ExampleKind,
    records: list[dict[str, Any]],
) -> TrainingUploadRow:
    lines = b"\n".join(orjson.dumps(each) for each in records)
    stored = await contents.put(session, lines, JSON)
    row = TrainingUploadRow(
        tenant_id=session.tenant_id,
        id=new_id(),
        name=name,
        kind=kind,
        examples=len(records),
        content_id=stored.id,
        created_by=caller.user_id,
    )
    await repository.add(session, row)
    resource = Resource("training_upload", str(row.id), name)
    details = {"kind": kind, "examples": len(records)}
    content = (ContentRef("examples", stored),)
    await record(
        session,
        caller.did("DATA_INGEST", "training_upload.created", resource, details=details, content=content),
    )
    return row


def model_named(settings: Settings, name: str) -> str:
    """A chat model of this machine by its name. Raises InvalidError: there is none to train."""
    wanted = default_chat() if name == "default" else name
    plain = wanted.replace("-", "").replace("_", "").replace(".", "").isalnum() and not wanted.startswith(".")
    if not plain or not (settings.models_dir / wanted).is_dir():
        raise InvalidError(f"There is no model {name!r} here that could be trained.")
    return wanted


def basis_path(settings: Settings, model: str) -> Path:
    """Where the model server looks for the directions that a model's vectors share."""
    return settings.adapters_dir / f"{model}.basis.safetensors"


async def start(
    session: TenantSession, services: Services, caller: Caller, wanted: TrainingRequest
) -> StoredJob:
    """The job, its examples and the record. Raises NotFoundError, TrainingWaitingError, NothingToLearnError,
    InvalidError."""
    await learnt.before_gathering(session)
    drafts = await _drafts(session, services, caller, wanted)
    model = model_named(services.settings, wanted.model)
    if wanted.recipe == "svf" and not basis_path(services.settings, model).is_file():
        raise InvalidError(f"{model} has no basis for singular-value vectors here. An operator can make it.")
    if await repository.moving(session) >= MOST_MOVING:
        raise TrainingWaitingError(
            f"{MOST_MOVING} training jobs have yet to end. Wait for one, or cancel it."
        )
    usable = [draft for draft in drafts if draft.kind in LEARNS[wanted.recipe]]
    drafts = await _unmeasured(session, services.contents, usable)
    sides = held_out(drafts, wanted.held_out_share, wanted.seed)
    _check_enough(wanted.recipe, sides, len(usable) - len(drafts))
    row = _row(session, caller, wanted, model, sides)
    row.left_out = len(usable) - len(drafts)
    await repository.add(session, row)
    await _store(session, services.contents, row.id, drafts, sides)
    subject = Subject("training_job", row.id)
    row.job_id = await enqueue(session, TRAIN, subject, queue=QUEUE, requested_by=caller.user_id)
    await session.flush()
    await _record_start(session, caller, row, drafts)
    return await training_job(session, row.id)


async def _drafts(
    session: TenantSession, services: Services, caller: Caller, wanted: TrainingRequest
) -> list[Draft]:
    contents, found = services.contents, list[Draft]()
    if wanted.document_ids:
        found += await sources.of_documents(session, contents, caller, wanted.document_ids)
    if wanted.upload_id is not None:
        found += await sources.of_upload(session, contents, wanted.upload_id)
    if wanted.feedback:
        found += await sources.of_feedback(session, contents, caller, wanted.recipe)
    if wanted.comparisons:
        found += await sources.of_comparisons(session, contents, wanted.recipe)
    return found


async def _unmeasured(session: TenantSession, contents: ContentStore, drafts: list[Draft]) -> list[Draft]:
    """Without those that repeat what the tenant measures with."""
    guard = Measured(await measured.questions(session, contents))
    if not guard:
        return drafts
    return await asyncio.to_thread(
        lambda: [draft for draft in drafts if not guard.repeated(told(draft.record))]
    )


def _check_enough(recipe: Recipe, sides: list[bool], left_out: int) -> None:
    """Raises NothingToLearnError."""
    kinds = " or ".join(sorted(LEARNS[recipe]))
    without = f" without {left_out} that repeat questions you measure with" if left_out else ""
    if len(sides) < LEAST_EXAMPLES:
        raise NothingToLearnError(
            f"{recipe} learns from {kinds} examples, at least {LEAST_EXAMPLES}; there are {len(sides)}{without}."
        )
    if all(sides):
        raise NothingToLearnError(
            f"All examples ask the same{without}: some must be held out that aren't learnt."
        )


def _row(
    session: TenantSession, caller: Caller, wanted: TrainingRequest, model: str, sides: list[bool]
) -> TrainingJobRow:
    asked = wanted.model_dump(mode="json")
    learn = {"kind": "svf"} if wanted.recipe == "svf" else {}
    return TrainingJobRow(
        tenant_id=session.tenant_id,
        id=new_id(),
        name=wanted.name,
        recipe=wanted.recipe,
        model=model,
        sources={name: asked[name] for name in ("document_ids", "feedback", "comparisons", "upload_id")},
        settings={
            **{
                name: asked[name]
                for name in ("budget", "steps", "learning_rate", "held_out_share", "early_stopping", "seed")
            },
            "learn": asked["learn"] | learn,
        },
        examples=sides.count(False),
        held_out=sides.count(True),
        created_by=caller.user_id,
    )


async def _store(
    session: TenantSession,
    contents: ContentStore,
    training_job_id: UUID,
    drafts: list[Draft],
    sides: list[bool],
) -> None:
    """Each example's words are a content of its own, so that one can be erased without the others."""
    for start_at in range(0, len(drafts), _BATCH):
        some = drafts[start_at : start_at + _BATCH]
        stored = await contents.put_many(session, [orjson.dumps(each.record) for each in some], JSON)
        rows = [
            TrainingExampleRow(
                tenant_id=session.tenant_id,
                id=new_id(),
                training_job_id=training_job_id,
                ordinal=start_at + offset,
                kind=draft.kind,
                origin=draft.origin,
                document_id=draft.document_id,
                turn_id=draft.turn_id,
                feedback_id=draft.feedback_id,
                comparison_id=draft.comparison_id,
                upload_id=draft.upload_id,
                document_ids=list(draft.document_ids),
                person_ids=list(draft.person_ids),
                held_out=sides[start_at + offset],
                content_id=content.id,
            )
            for offset, (draft, content) in enumerate(zip(some, stored, strict=True))
        ]
        await repository.add_all(session, rows)


async def _record_start(
    session: TenantSession, caller: Caller, row: TrainingJobRow, drafts: list[Draft]
) -> None:
    origins = [draft.origin for draft in drafts]
    documents = sorted({str(one) for draft in drafts for one in draft.document_ids})
    details = {
        "recipe": row.recipe,
        "model": row.model,
        "examples": row.examples,
        "held_out": row.held_out,
        "left_out": row.left_out,
        "origins": {origin: origins.count(origin) for origin in sorted(set(origins))},
        "document_ids": documents,
        "turn_ids": sorted({str(draft.turn_id) for draft in drafts if draft.turn_id}),
        "job_id": str(row.job_id),
    }
    await put_on_record(session, caller, row, "training_job.created", details, "DATA_ACCESS")


async def training_job(session: TenantSession, training_job_id: UUID) -> StoredJob:
    """Raises NotFoundError."""
    found = await repository.training_job(session, training_job_id)
    if found is None:
        raise NotFoundError("training job")
    return found


async def cancel(session: TenantSession, caller: Caller, training_job_id: UUID) -> StoredJob:
    """It ends within seconds; what it has learnt so far stays for a resumption. Raises NotFoundError,
    TrainingEndedError."""
    await training_job(session, training_job_id)
    row = await repository.locked(session, training_job_id)
    assert row is not None
    if row.status not in MOVING:
        raise TrainingEndedError(f"The training job is {row.status}.")
    job = await jobs.job(session, row.job_id) if row.job_id else None
    if job is not None:
        await ask_to_end(session, job)
    await put_on_record(session, caller, row, "training_job.cancel_requested", {})
    await session.flush()
    return await training_job(session, training_job_id)


async def resume(session: TenantSession, caller: Caller, training_job_id: UUID) -> StoredJob:
    """From the last state that was kept; from the beginning where it is gone, or where examples are. Raises
    NotFoundError, TrainingMovingError, TrainingEndedError."""
    found = await training_job(session, training_job_id)
    row = await repository.locked(session, training_job_id)
    assert row is not None
    if row.status in MOVING:
        raise TrainingMovingError(f"The training job is {row.status}.")
    if row.status == "completed":
        raise TrainingEndedError("The training job is completed.")
    assert found.job is not None
    row.status, row.error, row.finished_at = "queued", None, None
    job = found.job
    job.status, job.attempt, job.error = "queued", 0, None
    job.cancel_requested_at = job.finished_at = None
    await jobs.ensure_outbox(session, job.id)
    await session.flush()
    await wake(session, job.id)
    await put_on_record(session, caller, row, "training_job.resumed", {})
    return await training_job(session, training_job_id)


async def put_on_record(
    session: TenantSession,
    caller: Caller,
    row: TrainingJobRow,
    action: str,
    details: dict[str, Any],
    event_type: EventType = "ADMIN",
) -> None:
    resource = Resource("training_job", str(row.id), row.name)
    await record(session, caller.did(event_type, action, resource, details=details))
