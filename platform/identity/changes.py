"""The record of an administrative change, written with the change."""

from typing import Any

from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import EventType, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.db.session import TenantSession


async def record_change(
    session: TenantSession,
    caller: Caller,
    event_type: EventType,
    action: str,
    resource: Resource,
    **details: Any,
) -> None:
    await record(session, caller.did(event_type, action, resource, details=details))
