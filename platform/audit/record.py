"""The only way a record is written: in the transaction of what it records."""

from collections.abc import Sequence
from uuid import UUID

from secretariat.platform.audit.chain import sealed_form
from secretariat.platform.audit.event import AuditEvent
from secretariat.platform.db.session import TenantSession
from secretariat.platform.kit.canonical import canonical
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.tables.audit import AuditPending, AuditRecord


async def record(session: TenantSession, event: AuditEvent) -> UUID:
    """Write one record; if it can't be written, the caller's transaction can't commit either.

    Raises rfc8785.CanonicalizationError for details that couldn't be sealed.
    """
    return (await record_all(session, [event]))[0]


async def record_all(session: TenantSession, events: Sequence[AuditEvent]) -> list[UUID]:
    """As `record`, in this order, with all that the session has yet to write."""
    ids = sorted(new_id() for _ in events)  # records are sealed in the order of their ids
    rows = [_row(session.tenant_id, row_id, event) for row_id, event in zip(ids, events, strict=True)]
    for row in rows:
        canonical(sealed_form(row))
        session.add(row)
        session.add(AuditPending(tenant_id=session.tenant_id, record_id=row.id))
    await session.flush()
    return ids


def _row(tenant_id: UUID, row_id: UUID, event: AuditEvent) -> AuditRecord:
    return AuditRecord(
        tenant_id=tenant_id,
        id=row_id,
        time=now(),
        event_type=event.event_type,
        action=event.action,
        outcome=event.outcome,
        actor=event.actor.as_json(),
        resource=event.resource.as_json() if event.resource else None,
        task_id=event.task_id,
        request_id=event.request_id,
        details=event.details,
        content=[reference.as_json() for reference in event.content],
    )
