"""The record of an administrative change, written with the change."""

from typing import Any

from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import AuditEvent, EventType, Resource
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
    await record(
        session,
        AuditEvent(
            event_type=event_type,
            action=action,
            actor=caller.actor,
            resource=resource,
            request_id=caller.request_id,
            details=details,
        ),
    )
