"""Making a tenant with the roles that every tenant has."""

import re
from datetime import timedelta

from sqlalchemy.exc import IntegrityError

from secretariat.platform.access.repository import seed_builtin_roles
from secretariat.platform.audit.event import SYSTEM, AuditEvent, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.db.session import Database
from secretariat.platform.jobs.queue import schedule
from secretariat.platform.kit.ids import new_id
from secretariat.platform.tables.tenants import Tenant
from secretariat.platform.tenants import repository
from secretariat.platform.web.errors import ConflictError, InvalidError

HOUSEKEEPING = timedelta(hours=1)
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


async def create_tenant(database: Database, slug: str, name: str) -> Tenant:
    """A new tenant with its built-in roles. Raises InvalidError, ConflictError."""
    if not SLUG.fullmatch(slug):
        raise InvalidError("A tenant's short name has 1 to 63 lower-case letters, digits and inner hyphens.")
    tenant = Tenant(id=new_id(), slug=slug, name=name, status="active")
    try:
        async with database.unbound() as unbound:
            await repository.add(unbound, tenant)
    except IntegrityError as cause:
        raise ConflictError(f"There is a tenant {slug!r} already.") from cause
    async with database.tenant(tenant.id) as session:
        await seed_builtin_roles(session)
        await schedule(session, "identity.housekeeping", HOUSEKEEPING)
        await record(
            session,
            AuditEvent(
                event_type="ADMIN",
                action="tenant.create",
                actor=SYSTEM,
                resource=Resource("tenant", str(tenant.id), slug),
            ),
        )
    return tenant


async def find_tenant(database: Database, slug: str) -> Tenant | None:
    """The active or suspended tenant of that short name."""
    async with database.unbound() as session:
        return await repository.by_slug(session, slug)
