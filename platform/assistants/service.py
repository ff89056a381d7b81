"""What can be done with assistants. Takes the session first and never commits."""

from uuid import UUID

from secretariat.platform.access.authority import readable_collections
from secretariat.platform.access.caller import Caller
from secretariat.platform.assistants import repository, schemas
from secretariat.platform.audit.event import Resource
from secretariat.platform.audit.record import record
from secretariat.platform.db import names
from secretariat.platform.db.session import TenantSession
from secretariat.platform.kit.ids import new_id
from secretariat.platform.tables.tasks import Assistant
from secretariat.platform.web.errors import ConflictError, NotFoundError


class NameTakenError(ConflictError):
    code, title = "NAME_TAKEN", "The name is taken"


class AssistantInUseError(ConflictError):
    code, title = "ASSISTANT_IN_USE", "The assistant was asked before"


async def assistant(session: TenantSession, assistant_id: UUID) -> Assistant:
    """Raises NotFoundError."""
    found = await repository.assistant(session, assistant_id)
    if found is None:
        raise NotFoundError("assistant")
    return found


async def create(session: TenantSession, caller: Caller, body: schemas.AssistantCreate) -> Assistant:
    """Raises NameTakenError, NotFoundError (a collection)."""
    await _check_collections(session, caller, body.collection_ids)
    made = Assistant(tenant_id=session.tenant_id, id=new_id(), created_by=caller.user_id, **body.model_dump())
    if not await names.add_unless_taken(session, made):
        raise NameTakenError("There is an assistant of this name.")
    await _record(session, caller, "assistant.created", made)
    return made


async def update(
    session: TenantSession, caller: Caller, assistant_id: UUID, body: schemas.AssistantUpdate
) -> Assistant:
    """Raises NotFoundError, NameTakenError."""
    found = await assistant(session, assistant_id)
    changes = body.model_dump(exclude_none=True)
    await _check_collections(session, caller, body.collection_ids or [])
    if not await names.change_unless_taken(session, found, changes):
        raise NameTakenError("There is an assistant of this name.")
    await _record(session, caller, "assistant.updated", found, sorted(changes))
    return found


async def delete(session: TenantSession, caller: Caller, assistant_id: UUID) -> None:
    """Raises NotFoundError, AssistantInUseError: tasks and conversations keep saying who answered them."""
    found = await assistant(session, assistant_id)
    if await repository.in_use(session, assistant_id):
        raise AssistantInUseError("It was asked before, and stays as part of the record of that.")
    await repository.remove(session, found)
    await _record(session, caller, "assistant.deleted", found)


async def _check_collections(session: TenantSession, caller: Caller, ids: list[UUID]) -> None:
    if set(ids) != await readable_collections(session, caller.principals, ids):
        raise NotFoundError("collection")


async def _record(
    session: TenantSession, caller: Caller, action: str, on: Assistant, changed: list[str] | None = None
) -> None:
    await record(
        session,
        caller.did(
            "ADMIN",
            action,
            Resource("assistant", str(on.id), on.name),
            details={"changed": changed} if changed else {},
        ),
    )
