"""Who sees which tasks.

A person sees the tasks they gave. Whoever administers people (`users.manage`) or reads the audit log
(`audit.read`) sees all tasks of the tenant, because both answer for what was done in it. Cancelling follows
seeing: one's own, or any with `users.manage`; auditors look and don't touch.
"""

from uuid import UUID

from secretariat.platform.access.caller import Caller


def sees_all(caller: Caller) -> bool:
    return bool(caller.permissions & {"users.manage", "audit.read"})


def only_of(caller: Caller) -> UUID | None:
    """The person whose tasks the caller is limited to; None for all of the tenant."""
    return None if sees_all(caller) else caller.user_id


def may_cancel(caller: Caller, created_by: UUID) -> bool:
    return created_by == caller.user_id or "users.manage" in caller.permissions
