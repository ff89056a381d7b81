"""Roles and what they permit, read live at every request."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, select

from secretariat.platform.access.caller import EVERYONE
from secretariat.platform.access.permissions import BUILTIN_ROLES
from secretariat.platform.db.session import TenantSession
from secretariat.platform.kit.ids import new_id
from secretariat.platform.tables.access import Grant, Role, RoleAssignment
from secretariat.platform.tables.identity import GroupMember, User

READ_DOCUMENTS = "documents.read"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a user is in the tenant now."""

    roles: tuple[str, ...]
    permissions: frozenset[str]
    groups: tuple[UUID, ...]

    def principals(self, user_id: UUID) -> frozenset[str]:
        return frozenset({f"user:{user_id}", EVERYONE, *(f"group:{group}" for group in self.groups)})


async def standing(session: TenantSession, user_id: UUID) -> Standing:
    roles = await roles_of(session, user_id)
    groups = await session.scalars(
        select(GroupMember.group_id).where(GroupMember.user_id == user_id).order_by(GroupMember.group_id)
    )
    permissions = frozenset(permission for role in roles for permission in role.permissions)
    return Standing(tuple(role.name for role in roles), permissions, tuple(groups))


async def active_standing(session: TenantSession, user_id: UUID) -> Standing | None:
    """None for who may not sign in (any more)."""
    active = select(User.id).where(User.id == user_id, User.status == "active")
    return await standing(session, user_id) if await session.scalar(active) is not None else None


async def user(session: TenantSession, user_id: UUID) -> User:
    """One that a row of the tenant names: there is no such row without them."""
    return (await session.scalars(select(User).where(User.id == user_id))).one()


def reads_documents(user_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Whether that person may sign in and has a role that reads documents."""
    return exists().where(
        User.id == user_id,
        User.status == "active",
        RoleAssignment.user_id == User.id,
        Role.id == RoleAssignment.role_id,
        Role.permissions.any_() == READ_DOCUMENTS,
    )


async def principals_of(session: TenantSession, user_id: UUID) -> frozenset[str]:
    groups = await session.scalars(select(GroupMember.group_id).where(GroupMember.user_id == user_id))
    return frozenset({f"user:{user_id}", EVERYONE, *(f"group:{group}" for group in groups)})


async def roles_of(session: TenantSession, user_id: UUID) -> list[Role]:
    query = (
        select(Role)
        .join(RoleAssignment, RoleAssignment.role_id == Role.id)
        .where(RoleAssignment.user_id == user_id)
        .order_by(Role.name)
    )
    return list(await session.scalars(query))


async def role_names(session: TenantSession, user_ids: Iterable[UUID]) -> dict[UUID, list[str]]:
    query = (
        select(RoleAssignment.user_id, Role.name)
        .join(Role, Role.id == RoleAssignment.role_id)
        .where(RoleAssignment.user_id.in_(list(user_ids)))
        .order_by(Role.name)
    )
    names: dict[UUID, list[str]] = {}
    for user_id, name in await session.execute(query):
        names.setdefault(user_id, []).append(name)
    return names


async def seed_builtin_roles(session: TenantSession) -> None:
    """The roles that come with every tenant; their permissions follow the code."""
    present = {role.name: role for role in await session.scalars(select(Role).where(Role.builtin))}
    for name, permissions in BUILTIN_ROLES.items():
        if name not in present:
            session.add(
                Role(
                    tenant_id=session.tenant_id,
                    id=new_id(),
                    name=name,
                    permissions=sorted(permissions),
                    builtin=True,
                )
            )
        elif present[name].permissions != sorted(permissions):
            present[name].permissions = sorted(permissions)
    await session.flush()


async def role(session: TenantSession, role_id: UUID) -> Role | None:
    return await session.scalar(select(Role).where(Role.id == role_id))


async def roles_named(session: TenantSession, names: Iterable[str]) -> list[Role]:
    return list(await session.scalars(select(Role).where(Role.name.in_(list(names))).order_by(Role.name)))


async def roles(session: TenantSession, limit: int, after: UUID | None) -> list[Role]:
    query = select(Role).order_by(Role.id.desc()).limit(limit)
    return list(await session.scalars(query if after is None else query.where(Role.id < after)))


async def remove_role(session: TenantSession, role_id: UUID) -> None:
    await session.execute(delete(Role).where(Role.id == role_id))


async def assign(session: TenantSession, user_id: UUID, role_ids: Iterable[UUID]) -> None:
    """The user has exactly these roles from now on."""
    await session.execute(delete(RoleAssignment).where(RoleAssignment.user_id == user_id))
    for role_id in role_ids:
        session.add(RoleAssignment(tenant_id=session.tenant_id, user_id=user_id, role_id=role_id))
    await session.flush()


async def holders(session: TenantSession, role_id: UUID) -> int:
    return (
        await session.scalar(
            select(func.count()).select_from(RoleAssignment).where(RoleAssignment.role_id == role_id)
        )
        or 0
    )


async def active_holders(session: TenantSession, role_name: str) -> list[UUID]:
    """Users who hold the role and may sign in."""
    query = (
        select(RoleAssignment.user_id)
        .join(Role, Role.id == RoleAssignment.role_id)
        .join(User, User.id == RoleAssignment.user_id)
        .where(Role.name == role_name, User.status == "active")
    )
    return list(await session.scalars(query))


async def forget_principal(session: TenantSession, principal: str) -> None:
    await session.execute(delete(Grant).where(Grant.principal == principal))
