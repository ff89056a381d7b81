"""Gives committed records their place in the chain, tenant by tenant, within a second."""

import asyncio
from uuid import UUID

import structlog
from rfc8785 import CanonicalizationError
from sqlalchemy.exc import SQLAlchemyError

from secretariat.platform.audit import repository
from secretariat.platform.audit.chain import link_hash, sealed_form
from secretariat.platform.db.session import Database, TenantSession
from secretariat.platform.kit.times import now
from secretariat.platform.tables.audit import AuditSeal

log = structlog.get_logger(__name__)

_AT_ONCE = 1000


async def seal(session: TenantSession) -> int:
    """Seal what is pending, in the caller's transaction; the number of records sealed."""
    if not await repository.pending(session, 1):
        return 0
    head = await repository.locked_head(session)
    ids = await repository.pending(session, _AT_ONCE)
    for row in await repository.records(session, ids):
        seq = head.seq + 1
        digest = link_hash(head.hash, seq, sealed_form(row))
        session.add(
            AuditSeal(tenant_id=row.tenant_id, seq=seq, record_id=row.id, prev_hash=head.hash, hash=digest)
        )
        head.seq, head.hash, head.at = seq, digest, now()
    await repository.leave_pending(session, ids)
    await session.flush()
    return len(ids)


async def seal_tenant(database: Database, tenant_id: UUID) -> int:
    """Seal everything that has been committed so far."""
    total = 0
    while True:
        async with database.tenant(tenant_id) as session:
            sealed = await seal(session)
        total += sealed
        if sealed < _AT_ONCE:
            return total


async def keep_sealing(database: Database, interval_seconds: float) -> None:
    """Until cancelled. A database that is away for a while only delays the seals."""
    while True:
        try:
            async with database.unbound() as session:
                tenants = await repository.tenant_ids(session)
            for tenant_id in tenants:
                await _seal_apart(database, tenant_id)
        except SQLAlchemyError:
            log.warning("sealing paused: the database did not answer")
        await asyncio.sleep(interval_seconds)


async def _seal_apart(database: Database, tenant_id: UUID) -> None:
    """What ails one tenant's log leaves the others' alone."""
    try:
        await seal_tenant(database, tenant_id)
    except (SQLAlchemyError, CanonicalizationError):
        log.exception("a log could not be sealed", tenant_id=str(tenant_id))
