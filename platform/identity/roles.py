"""Roles that a tenant makes for itself; those that come with it stay as they are."""

from uuid import UUID

from secretariat.platform.access import repository as access
from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import Resource
from secretariat.platform.db.session import TenantSession
from secretariat.platform.identity.changes import record_change
from secretariat.platform.identity.escalation import check_holds, check_known
from secretariat.platform.identity.schemas import RoleChange, RoleCreate
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.tables.access import Role
from secretariat.platform.web.errors import ConflictError, NotFoundError


class BuiltinRoleError(ConflictError):
    code = "BUILTIN_ROLE"

    def __init__(self) -> None:
        super().__init__("The roles that come with every tenant can't be changed.")


async def get_role(session: TenantSession, role_id: UUID) -> Role:
    """Raises NotFoundError."""
    role = await access.role(session, role_id)
    if role is None:
        raise NotFoundError("role")
    return role


async def create_role(session: TenantSession, caller: Caller, wanted: RoleCreate) -> Role:
    """Raises ConflictError, InvalidError, EscalationError."""
    check_known(wanted.permissions)
    check_holds(caller, wanted.permissions)
    await _check_free(session, wanted.name)
    role = Role(
        tenant_id=session.tenant_id,
        id=new_id(),
        name=wanted.name,
        permissions=sorted(set(wanted.permissions)),
        builtin=False,
        created_at=now(),
    )
    session.add(role)
    await session.flush()
    await record_change(
        session, caller, "ADMIN", "role.create", _resource(role), permissions=role.permissions
    )
    return role


async def change_role(session: TenantSession, caller: Caller, role_id: UUID, change: RoleChange) -> Role:
    """Raises NotFoundError, ConflictError, InvalidError, EscalationError."""
    role = await _own_role(session, caller, role_id)
    if change.name is not None and change.name != role.name:
        await _check_free(session, change.name)
        role.name = change.name
    if change.permissions is not None:
        check_known(change.permissions)
        check_holds(caller, change.permissions)
        role.permissions = sorted(set(change.permissions))
    await session.flush()
    await record_change(
        session, caller, "ADMIN", "role.update", _resource(role), permissions=role.permissions
    )
    return role


async def delete_role(session: TenantSession, caller: Caller, role_id: UUID) -> None:
    """Raises NotFoundError, ConflictError, EscalationError."""
    role = await _own_role(session, caller, role_id)
    if await access.holders(session, role.id):
        raise ConflictError("People hold this role. Give them another one first.")
    await access.remove_role(session, role.id)
    await record_change(session, caller, "ADMIN", "role.delete", _resource(role))


async def _own_role(session: TenantSession, caller: Caller, role_id: UUID) -> Role:
    role = await get_role(session, role_id)
    if role.builtin:
        raise BuiltinRoleError
    check_holds(caller, role.permissions)
    return role


async def _check_free(session: TenantSession, name: str) -> None:
    if await access.roles_named(session, [name]):
        raise ConflictError("There is a role of this name already.")


def _resource(role: Role) -> Resource:
    return Resource("role", str(role.id), role.name)
