"""The records that work on a document leaves; each in the transaction of what it tells."""

from typing import Any

from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import EventType, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.db.session import TenantSession
from secretariat.platform.tables.documents import Document


async def record_on(
    session: TenantSession,
    caller: Caller,
    event_type: EventType,
    action: str,
    on: Document,
    details: dict[str, Any],
) -> None:
    await record(
        session, caller.did(event_type, action, Resource("document", str(on.id), on.name), details=details)
    )
