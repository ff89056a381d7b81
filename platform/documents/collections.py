"""What can be done with collections and with the grants on them and on documents."""

from collections.abc import Sequence
from uuid import UUID

from secretariat.platform.access import grants
from secretariat.platform.access.caller import Caller
from secretariat.platform.access.grants import Effect, ResourceType
from secretariat.platform.audit.event import Resource
from secretariat.platform.audit.record import record
from secretariat.platform.db import names
from secretariat.platform.db.session import TenantSession
from secretariat.platform.documents import repository
from secretariat.platform.documents.errors import CollectionNotEmptyError, NameTakenError
from secretariat.platform.documents.policies import manages_collections
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.tables.access import Grant
from secretariat.platform.tables.documents import Collection, Document
from secretariat.platform.web.errors import NotFoundError

Counted = tuple[Collection, int]


def _reach(caller: Caller) -> frozenset[str] | None:
    return None if manages_collections(caller) else caller.principals


async def collection(session: TenantSession, caller: Caller, collection_id: UUID) -> Collection:
    """Raises NotFoundError."""
    found = await repository.collection(session, collection_id, _reach(caller))
    if found is None:
        raise NotFoundError("collection")
    return found


async def counted(session: TenantSession, caller: Caller, rows: Sequence[Collection]) -> list[Counted]:
    counts = await repository.document_counts(session, [row.id for row in rows], _reach(caller))
    return [(row, counts.get(row.id, 0)) for row in rows]


async def listed(
    session: TenantSession, caller: Caller, *, limit: int, after: UUID | None
) -> list[Collection]:
    return await repository.collections(session, _reach(caller), limit=limit, after=after)


async def create(
    session: TenantSession, caller: Caller, name: str, description: str, *, private: bool
) -> Collection:
    """Raises NameTakenError."""
    made = Collection(
        tenant_id=session.tenant_id,
        id=new_id(),
        name=name,
        description=description,
        created_by=caller.user_id,
    )
    if not await names.add_unless_taken(session, made):
        raise NameTakenError("There is a collection of this name.")
    await grants.open_collection(session, made.id, caller.user_id, private=private)
    await _record(session, caller, "collection.created", made, {"private": private})
    return made


async def update(
    session: TenantSession, caller: Caller, collection_id: UUID, name: str | None, description: str | None
) -> Collection:
    """Raises NotFoundError, NameTakenError."""
    found = await collection(session, caller, collection_id)
    wanted = {"name": name, "description": description}
    changes = {field: value for field, value in wanted.items() if value is not None}
    if not await names.change_unless_taken(session, found, changes):
        raise NameTakenError("There is a collection of this name.")
    await _record(session, caller, "collection.updated", found, {})
    return found


async def delete(session: TenantSession, caller: Caller, collection_id: UUID) -> None:
    """Raises NotFoundError, CollectionNotEmptyError."""
    found = await repository.collection(session, collection_id, _reach(caller), lock="update")
    if found is None:
        raise NotFoundError("collection")
    counts = await repository.document_counts(session, [found.id], None)
    if counts:
        raise CollectionNotEmptyError("Delete its documents first.")
    await grants.revoke_all(session, "collection", found.id)
    found.deleted_at = now()
    await _record(session, caller, "collection.deleted", found, {})


async def document_to_manage(session: TenantSession, document_id: UUID) -> Document:
    """For those who manage grants, readable or not. Raises NotFoundError."""
    found = await repository.document(session, document_id, None)
    if found is None:
        raise NotFoundError("document")
    return found


async def add_grant(
    session: TenantSession, caller: Caller, on: Collection | Document, principal: str, effect: Effect
) -> Grant:
    kind = _kind(on)
    made, new = await grants.granted(session, kind, on.id, principal, effect, caller.user_id)
    if new:
        await _record(session, caller, "grant.created", on, {"principal": principal, "effect": effect})
    return made


async def remove_grant(
    session: TenantSession, caller: Caller, on: Collection | Document, grant_id: UUID
) -> None:
    """Raises NotFoundError."""
    rows = {row.id: row for row in await grants.grants_on(session, _kind(on), on.id)}
    if grant_id not in rows:
        raise NotFoundError("grant")
    gone = rows[grant_id]
    await grants.revoke(session, _kind(on), on.id, grant_id)
    await _record(session, caller, "grant.removed", on, {"principal": gone.principal, "effect": gone.effect})


async def grants_on(session: TenantSession, on: Collection | Document) -> list[Grant]:
    return await grants.grants_on(session, _kind(on), on.id)


def _kind(on: Collection | Document) -> ResourceType:
    return "collection" if isinstance(on, Collection) else "document"


async def _record(
    session: TenantSession,
    caller: Caller,
    action: str,
    on: Collection | Document,
    details: dict[str, str | bool],
) -> None:
    await record(
        session, caller.did("ADMIN", action, Resource(_kind(on), str(on.id), on.name), details=dict(details))
    )
