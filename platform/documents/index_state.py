"""The state of a tenant's index as those who manage it see it, and the job that makes it anew."""

import time
from uuid import UUID

from secretariat.models.errors import ModelError
from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import SYSTEM, AuditEvent, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.db.session import TenantSession
from secretariat.platform.documents import repository
from secretariat.platform.documents.index_schemas import Backlog, Index, IndexView, Rebuilding, Snapshot
from secretariat.platform.indexes.repository import head
from secretariat.platform.jobs.queue import Subject, enqueue
from secretariat.platform.jobs.run import JobRun
from secretariat.platform.services import Services
from secretariat.platform.web.errors import ConflictError

REBUILD = "index.rebuild"


class RebuildingError(ConflictError):
    code, title = "BEING_REBUILT", "The index is being rebuilt"


async def state(session: TenantSession, services: Services, caller: Caller) -> Index:
    """Says what this process holds, without bringing it up to date first."""
    model = await _model(services)  # before the first query: no connection waits for the model server
    counts = dict(await repository.status_counts(session))
    job_id = await repository.job_under_way(session, REBUILD)
    seq = await head(session)
    view = await services.indexes.view(caller.tenant_id)
    return Index(
        model=model,
        dimensions=await repository.dimensions(session),
        documents=counts.get("ready", 0),
        chunks=await repository.chunk_count(session),
        seq=seq,
        view=IndexView(
            seq=view.seq,
            behind=max(0, seq - view.seq),
            chunks=view.size,
            form="exact" if view.exact else "approximate",
        ),
        snapshots=await _snapshots(session, services),
        backlog=Backlog(
            queued=counts.get("queued", 0),
            processing=counts.get("processing", 0),
            rejected=counts.get("rejected", 0),
        ),
        rebuilding=Rebuilding(job_id=job_id) if job_id is not None else None,
    )


async def rebuild(session: TenantSession, caller: Caller) -> UUID:
    """The job's id. Raises RebuildingError while one is under way."""
    await repository.one_at_a_time(session, REBUILD)
    if await repository.job_under_way(session, REBUILD) is not None:
        raise RebuildingError("Wait for the job that does so already.")
    subject = Subject("index", session.tenant_id, "Index")
    job_id = await enqueue(session, REBUILD, subject, requested_by=caller.user_id)
    await record(
        session,
        caller.did(
            "ADMIN",
            "index.rebuild",
            Resource("index", str(session.tenant_id)),
            details={"job_id": str(job_id)},
        ),
    )
    return job_id


async def carry_out(run: JobRun) -> None:
    """A view from the log alone, and its snapshot. Repeating it does no harm."""
    begun = time.monotonic()
    view = await run.services.indexes.rebuild(run.tenant_id)
    async with run.session() as session:
        await record(
            session,
            AuditEvent(
                event_type="SYSTEM",
                action="index.rebuilt",
                actor=SYSTEM,
                resource=Resource("index", str(run.tenant_id)),
                details={
                    "job_id": str(run.job_id),
                    "chunks": view.size,
                    "index_seq": view.seq,
                    "seconds": round(time.monotonic() - begun, 3),
                },
            ),
        )


async def _snapshots(session: TenantSession, services: Services) -> list[Snapshot]:
    known = await services.indexes.snapshots(session.tenant_id)
    written = await repository.snapshot_times(session, [one.id for one in known])
    return [
        Snapshot(id=one.id, seq=one.seq, bytes=one.size, created_at=written[one.id])
        for one in known
        if one.id in written
    ]


async def _model(services: Services) -> str | None:
    try:
        cards = await services.models.models()
    except ModelError:
        return None
    return next((card.name for card in cards if card.kind == "embedding"), None)
