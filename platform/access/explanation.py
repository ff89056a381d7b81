"""Who may read one document, and by which grants: the rule of `authority`, asked from the document's side.

The answer for a person is what a search of theirs would come to at this moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, and_, cast, exists, func, or_, select

from secretariat.platform.access.caller import EVERYONE
from secretariat.platform.access.repository import READ_DOCUMENTS
from secretariat.platform.db.session import TenantSession
from secretariat.platform.tables.access import Grant, Role, RoleAssignment
from secretariat.platform.tables.documents import Document
from secretariat.platform.tables.identity import Group, GroupMember, User

Verdict = Literal["allowed", "denied", "no_grant", "no_permission", "disabled"]


@dataclass(frozen=True, slots=True)
class Path:
    """A grant that reaches a person: in their own name, through a group (then named), or through everyone."""

    grant: Grant
    group_name: str | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """A person and every grant on the document and its collection that reaches them, the deciding one first."""

    user: User
    permitted: bool
    paths: tuple[Path, ...]

    @property
    def id(self) -> UUID:
        return self.user.id

    @property
    def verdict(self) -> Verdict:
        if self.user.status != "active":
            return "disabled"
        if not self.permitted:
            return "no_permission"
        if not self.paths:
            return "no_grant"
        return "denied" if self.paths[0].grant.effect == "deny" else "allowed"


async def reader(session: TenantSession, document: Document, user_id: UUID) -> Reader | None:
    """None for who isn't in the tenant."""
    user = await session.scalar(select(User).where(User.id == user_id))
    return None if user is None else (await _explained(session, document, [user]))[0]


async def readers(
    session: TenantSession, document: Document, *, may_read: bool | None, limit: int, after: UUID | None
) -> list[Reader]:
    """Whom any grant reaches, or only who may read, or may not; newest person first."""
    query = select(User).where(_reached(document, may_read)).order_by(User.id.desc()).limit(limit)
    if after is not None:
        query = query.where(User.id < after)
    return await _explained(session, document, list(await session.scalars(query)))


async def reader_count(session: TenantSession, document: Document) -> int:
    """How many people may read it."""
    return await session.scalar(select(func.count()).select_from(User).where(_may_read(document))) or 0


def _reached(document: Document, may_read: bool | None) -> ColumnElement[bool]:
    reached = or_(_held(document, "allow"), _held(document, "deny"))
    if may_read is None:
        return reached
    return _may_read(document) if may_read else and_(reached, ~_may_read(document))


def _may_read(document: Document) -> ColumnElement[bool]:
    permitted = (
        select(RoleAssignment.user_id)
        .join(Role, Role.id == RoleAssignment.role_id)
        .where(Role.permissions.any_() == READ_DOCUMENTS)
    )
    return and_(
        User.status == "active",
        User.id.in_(permitted),
        _held(document, "allow"),
        ~_held(document, "deny"),
    )


def _on(document: Document) -> ColumnElement[bool]:
    return or_(
        and_(Grant.resource_type == "document", Grant.resource_id == document.id),
        and_(Grant.resource_type == "collection", Grant.resource_id == document.collection_id),
    )


def _held(document: Document, effect: str) -> ColumnElement[bool]:
    """A condition on User: a grant of that effect reaches them. Asks the grants once, not once a person."""
    of_effect = and_(_on(document), Grant.effect == effect)
    everyone = exists().where(of_effect, Grant.principal == EVERYONE)
    named = select(Grant.principal).where(of_effect)
    through_group = (
        select(GroupMember.user_id)
        .join(Grant, Grant.principal == func.concat("group:", cast(GroupMember.group_id, String)))
        .where(of_effect)
    )
    return or_(
        everyone,
        func.concat("user:", cast(User.id, String)).in_(named),
        User.id.in_(through_group),
    )


async def _explained(session: TenantSession, document: Document, users: Sequence[User]) -> list[Reader]:
    ids = [user.id for user in users]
    memberships = await session.execute(
        select(GroupMember.user_id, Group.id, Group.name)
        .join(Group, Group.id == GroupMember.group_id)
        .where(GroupMember.user_id.in_(ids))
    )
    groups: dict[UUID, dict[str, str]] = {user_id: {} for user_id in ids}
    for user_id, group_id, name in memberships:
        groups[user_id][f"group:{group_id}"] = name
    permitted = set(await session.scalars(_permitted(ids)))
    principals = {EVERYONE, *(f"user:{user_id}" for user_id in ids)}.union(*groups.values())
    grants = list(await session.scalars(select(Grant).where(_on(document), Grant.principal.in_(principals))))
    grants.sort(key=_deciding_first)
    return [
        Reader(user, user.id in permitted, _paths(grants, f"user:{user.id}", groups[user.id]))
        for user in users
    ]


def _permitted(user_ids: Sequence[UUID]) -> Select[UUID]:
    return (
        select(RoleAssignment.user_id)
        .join(Role, Role.id == RoleAssignment.role_id)
        .where(RoleAssignment.user_id.in_(user_ids), Role.permissions.any_() == READ_DOCUMENTS)
    )


def _deciding_first(grant: Grant) -> tuple[bool, bool, UUID]:
    """A deny before any allow, the document's own before its collection's, the oldest first: as Permit.rule."""
    return grant.effect != "deny", grant.resource_type != "document", grant.id


def _paths(grants: Sequence[Grant], own: str, groups: dict[str, str]) -> tuple[Path, ...]:
    mine = {own, EVERYONE, *groups}
    return tuple(Path(grant, groups.get(grant.principal)) for grant in grants if grant.principal in mine)
