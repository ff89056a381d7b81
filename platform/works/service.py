"""What can be done with works. Takes the session first and never commits."""

import asyncio
import time
from typing import Any
from uuid import UUID

from secretariat.platform.access.authority import may_read_document
from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import ContentRef, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import TenantSession
from secretariat.platform.jobs.queue import Subject, enqueue
from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from secretariat.platform.tables.conversations import WorkRow
from secretariat.platform.tasks.repository import hidden_documents
from secretariat.platform.web.errors import ConflictError, NotFoundError
from secretariat.platform.works import repository, schemas

CARRY_OUT = "works.carry_out"
ENDED = ("completed", "failed")
_LOOK_SECONDS = 0.2


class NotReadyError(ConflictError):
    code, title = "NOT_READY", "Not ready"


async def ask(
    session: TenantSession,
    contents: ContentStore,
    caller: Caller,
    tool: schemas.Tool,
    arguments: dict[str, Any],
    document_id: UUID | None = None,
) -> WorkRow:
    """The work and the job that carries it out. Raises NotFoundError, NotReadyError."""
    if document_id is not None:
        if not await may_read_document(session, caller.principals, document_id):
            raise NotFoundError("document")
        status = await repository.document_status(session, document_id)
        if status == "deleted":
            raise NotFoundError("document")
        if status != "ready":
            raise NotReadyError(f"The document is {status}; its text is there once it is ready.")
    stored = await contents.put_json(session, arguments)
    row = WorkRow(
        tenant_id=session.tenant_id,
        id=new_id(),
        tool=tool,
        document_id=document_id,
        arguments_id=stored.id,
        created_by=caller.user_id,
    )
    await repository.add(session, row)
    subject = Subject("work", row.id)
    row.job_id = await enqueue(session, CARRY_OUT, subject, queue="works", requested_by=caller.user_id)
    await session.flush()
    details = {"tool": tool, "document_id": str(document_id) if document_id else None}
    await record(
        session,
        caller.did(
            "TASK",
            "work.created",
            Resource("work", str(row.id)),
            details={**details, "job_id": str(row.job_id)},
            content=(ContentRef("arguments", stored),),
        ),
    )
    return row


async def work(session: TenantSession, caller: Caller, work_id: UUID) -> WorkRow:
    """One's own. Raises NotFoundError."""
    found = await repository.work(session, work_id, caller.user_id)
    if found is None:
        raise NotFoundError("work")
    return found


async def awaited(services: Services, caller: Caller, work_id: UUID, seconds: float) -> None:
    """Returns once the work has ended, or after so many seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        async with services.database.tenant(caller.tenant_id) as session:
            if await repository.status(session, work_id) in (None, *ENDED):
                return
        await asyncio.sleep(_LOOK_SECONDS)


async def shown(session: TenantSession, contents: ContentStore, caller: Caller, row: WorkRow) -> schemas.Work:
    """The words of a document that may not be read any more aren't shown in what was made of it either."""
    ids = {row.document_id} if row.document_id else set[UUID]()
    withheld = bool(ids) and (
        "documents.read" not in caller.permissions
        or bool(await hidden_documents(session, caller.principals, ids))
    )
    result = await contents.json(session, row.result_id) if row.result_id and not withheld else None
    return schemas.Work.model_validate(
        {
            "id": row.id,
            "tool": row.tool,
            "document_id": row.document_id,
            "status": row.status,
            "summary": result.pop("summary", None) if result else None,
            "result": result,
            "withheld": withheld,
            "error": row.error,
            "created_at": row.created_at,
            "finished_at": row.finished_at,
        }
    )
