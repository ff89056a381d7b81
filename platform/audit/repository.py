"""The queries that sealing and verifying need."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from secretariat.platform.audit.chain import Link, genesis, sealed_form
from secretariat.platform.db.session import TenantSession, UnboundSession
from secretariat.platform.tables.audit import AuditHead, AuditPending, AuditRecord, AuditSeal
from secretariat.platform.tables.tenants import Tenant

_BATCH = 500


async def tenant_ids(session: UnboundSession) -> Sequence[UUID]:
    return (await session.scalars(select(Tenant.id))).all()


async def pending(session: TenantSession, limit: int) -> list[UUID]:
    """Records without a seal, oldest first."""
    query = select(AuditPending.record_id).order_by(AuditPending.record_id).limit(limit)
    return list(await session.scalars(query))


async def pending_count(session: TenantSession) -> int:
    return await session.scalar(select(func.count()).select_from(AuditPending)) or 0


async def records(session: TenantSession, ids: Sequence[UUID]) -> list[AuditRecord]:
    return list(
        await session.scalars(select(AuditRecord).where(AuditRecord.id.in_(ids)).order_by(AuditRecord.id))
    )


async def locked_head(session: TenantSession) -> AuditHead:
    """The head under a row lock: one sealer a tenant at a time."""
    first = genesis(session.tenant_id)
    await session.execute(
        insert(AuditHead).values(tenant_id=session.tenant_id, seq=0, hash=first).on_conflict_do_nothing()
    )
    return (await session.scalars(select(AuditHead).with_for_update())).one()


async def head(session: TenantSession) -> AuditHead | None:
    return await session.scalar(select(AuditHead))


async def last_seq(session: TenantSession) -> int:
    """Of the seals that are there, whatever the head says."""
    return await session.scalar(select(func.max(AuditSeal.seq))) or 0


async def stray_count(session: TenantSession) -> int:
    """Records that neither have a seal nor wait for one."""
    query = (
        select(func.count())
        .select_from(AuditRecord)
        .outerjoin(AuditSeal, AuditSeal.record_id == AuditRecord.id)
        .outerjoin(AuditPending, AuditPending.record_id == AuditRecord.id)
        .where(AuditSeal.seq.is_(None), AuditPending.record_id.is_(None))
    )
    return await session.scalar(query) or 0


async def leave_pending(session: TenantSession, ids: Sequence[UUID]) -> None:
    await session.execute(delete(AuditPending).where(AuditPending.record_id.in_(ids)))


async def links(session: TenantSession, from_seq: int, to_seq: int) -> AsyncIterator[Link]:
    """The chain from one number to another, both included, in order."""
    after = from_seq - 1
    while after < to_seq:
        query = (
            select(AuditSeal, AuditRecord)
            .join(AuditRecord, AuditRecord.id == AuditSeal.record_id)
            .where(AuditSeal.seq > after, AuditSeal.seq <= to_seq)
            .order_by(AuditSeal.seq)
            .limit(_BATCH)
        )
        rows = (await session.execute(query)).all()
        for seal, row in rows:
            yield Link(seal.seq, seal.prev_hash, seal.hash, sealed_form(row))
        if len(rows) < _BATCH:
            return
        after = rows[-1][0].seq


async def hash_at(session: TenantSession, seq: int) -> str | None:
    return await session.scalar(select(AuditSeal.hash).where(AuditSeal.seq == seq))
