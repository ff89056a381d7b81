"""Grants on one collection, document or conversation: read, add, remove."""

import re
from typing import Literal
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from secretariat.platform.access.caller import EVERYONE
from secretariat.platform.db.session import TenantSession
from secretariat.platform.kit.ids import new_id
from secretariat.platform.tables.access import Grant
from secretariat.platform.tables.identity import Group, User
from secretariat.platform.web.errors import InvalidError

_PRINCIPAL = re.compile(r"(user|group):([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
ResourceType = Literal["collection", "document", "conversation"]
Effect = Literal["allow", "deny"]


async def grants_on(session: TenantSession, resource_type: ResourceType, resource_id: UUID) -> list[Grant]:
    """Newest first."""
    query = (
        select(Grant)
        .where(Grant.resource_type == resource_type, Grant.resource_id == resource_id)
        .order_by(Grant.id.desc())
    )
    return list(await session.scalars(query))


async def grant(
    session: TenantSession,
    resource_type: ResourceType,
    resource_id: UUID,
    principal: str,
    effect: Effect,
    created_by: UUID | None,
) -> Grant:
    """The grant, made if it isn't there yet. Raises InvalidError for a principal that isn't in the tenant."""
    return (await granted(session, resource_type, resource_id, principal, effect, created_by))[0]


async def granted(
    session: TenantSession,
    resource_type: ResourceType,
    resource_id: UUID,
    principal: str,
    effect: Effect,
    created_by: UUID | None,
) -> tuple[Grant, bool]:
    """As `grant`, and whether it is new."""
    if not await principal_exists(session, principal):
        raise InvalidError("No such user or group.")
    same = {
        "tenant_id": session.tenant_id,
        "resource_type": resource_type,
        "resource_id": resource_id,
        "principal": principal,
        "effect": effect,
    }
    while True:
        added = insert(Grant).values(id=new_id(), created_by=created_by, **same).on_conflict_do_nothing()
        new = await session.scalar(added.returning(Grant))
        if new is not None:
            return new, True
        there = await session.scalar(select(Grant).filter_by(**same))
        if there is not None:  # else somebody has just removed it
            return there, False


async def principal_exists(session: TenantSession, principal: str) -> bool:
    if principal == EVERYONE:
        return True
    match = _PRINCIPAL.fullmatch(principal)
    if match is None:
        return False
    table = User if match[1] == "user" else Group
    return await session.scalar(select(table.id).where(table.id == UUID(match[2]))) is not None


async def open_collection(
    session: TenantSession, collection_id: UUID, created_by: UUID, *, private: bool
) -> Grant:
    """The first grant of a new collection: for everyone, or only for who made it."""
    principal = f"user:{created_by}" if private else EVERYONE
    return await grant(session, "collection", collection_id, principal, "allow", created_by)


async def revoke(
    session: TenantSession, resource_type: ResourceType, resource_id: UUID, grant_id: UUID
) -> bool:
    """Whether it was there."""
    removed = await session.execute(
        delete(Grant)
        .where(
            Grant.id == grant_id,
            Grant.resource_type == resource_type,
            Grant.resource_id == resource_id,
        )
        .returning(Grant.id)
    )
    return removed.scalar_one_or_none() is not None


async def revoke_all(session: TenantSession, resource_type: ResourceType, resource_id: UUID) -> None:
    await session.execute(
        delete(Grant).where(Grant.resource_type == resource_type, Grant.resource_id == resource_id)
    )
