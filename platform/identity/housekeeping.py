"""What sign-ins leave behind, and when it goes: nothing is kept longer than it can be of use."""

from datetime import timedelta

from secretariat.platform.db.session import TenantSession
from secretariat.platform.identity import repository
from secretariat.platform.jobs.run import JobRun
from secretariat.platform.kit.times import now
from secretariat.platform.web import idempotency

LINKS_KEPT = timedelta(days=1)
SESSIONS_KEPT = timedelta(days=30)


async def sweep(session: TenantSession) -> None:
    """For one tenant, now and then. Who signed in when stays in the audit log."""
    await repository.forget_login_states(session, now())
    await repository.forget_links(session, now() - LINKS_KEPT)
    await repository.forget_sessions(session, now() - SESSIONS_KEPT)
    await idempotency.forget_expired(session)


async def keep_house(run: JobRun) -> None:
    """The job that a tenant's schedule asks for."""
    async with run.session() as session:
        await sweep(session)
