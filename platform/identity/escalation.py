"""No one gives what they don't hold, and no one takes over a person who holds more than they do."""

from collections.abc import Iterable, Sequence

from secretariat.platform.access import repository as access
from secretariat.platform.access.caller import Caller
from secretariat.platform.access.permissions import PERMISSIONS, Permission
from secretariat.platform.db.session import TenantSession
from secretariat.platform.tables.access import Role
from secretariat.platform.tables.identity import User
from secretariat.platform.web.errors import ForbiddenError, InvalidError, PermissionMissingError


class EscalationError(ForbiddenError):
    code = "ESCALATION"


def check_holds(caller: Caller, permissions: Iterable[str]) -> None:
    """Raises EscalationError when the caller lacks one of them."""
    lacking = sorted(set(permissions) - caller.permissions)
    if lacking:
        raise EscalationError(f"You can't give what you don't hold: {', '.join(lacking)}.")


def check_has(caller: Caller, permission: Permission) -> None:
    """For what a body may ask for beyond the permission of its endpoint. Raises PermissionMissingError."""
    if permission not in caller.permissions:
        raise PermissionMissingError(permission)


def check_known(permissions: Sequence[str]) -> None:
    unknown = sorted(set(permissions) - PERMISSIONS)
    if unknown:
        raise InvalidError(f"No such permission: {', '.join(unknown)}.")


async def check_not_above(session: TenantSession, caller: Caller, user: User) -> None:
    """Whoever could change a stronger person's password or roles could become that person.

    An API key may hold less than its own user, so that user is no exception.
    """
    standing = await access.standing(session, user.id)
    if standing.permissions - caller.permissions:
        raise EscalationError("This person holds permissions that you don't.")


async def roles_to_give(session: TenantSession, caller: Caller, names: Sequence[str]) -> list[Role]:
    """The named roles. Raises InvalidError, PermissionMissingError, EscalationError."""
    check_has(caller, "roles.manage")
    roles = await access.roles_named(session, names)
    unknown = sorted(set(names) - {role.name for role in roles})
    if unknown:
        raise InvalidError(f"No such role: {', '.join(unknown)}.")
    check_holds(caller, {permission for role in roles for permission in role.permissions})
    return roles
