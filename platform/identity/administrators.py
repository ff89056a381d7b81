"""The first administrator of a tenant, and the ways in that only an operator of the machine can make."""

from datetime import timedelta
from uuid import UUID

from secretariat.platform.access import repository as access
from secretariat.platform.access.permissions import BUILTIN_ROLES
from secretariat.platform.audit.event import SYSTEM, AuditEvent, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.identity import repository
from secretariat.platform.identity.keys import put_key
from secretariat.platform.identity.sessions import create_sign_in_link
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.services import Services
from secretariat.platform.tables.identity import User

_KEY_LIFE = timedelta(days=1)


async def ensure_owner(services: Services, tenant_id: UUID, email: str, name: str) -> User:
    """The owner of that address; made, with the role of owner, if there is none yet."""
    async with services.database.tenant(tenant_id) as session:
        user = await repository.user_by_email(session, email)
        if user is not None:
            return user
        user = User(tenant_id=tenant_id, id=new_id(), email=email, name=name)
        session.add(user)
        await session.flush()
        await access.assign(
            session, user.id, [role.id for role in await access.roles_named(session, ["owner"])]
        )
        resource = Resource("user", str(user.id), email)
        await record(session, AuditEvent("IDENTITY", "user.create", SYSTEM, resource=resource))
        return user


async def new_sign_in_link(services: Services, user: User) -> str:
    """An address that signs the user in once, within 15 minutes."""
    async with services.database.tenant(user.tenant_id) as session:
        token = await create_sign_in_link(session, services, user)
        resource = Resource("user", str(user.id), user.email)
        await record(session, AuditEvent("AUTH", "sign_in_link.create", SYSTEM, resource=resource))
    return f"{services.settings.base_url}/auth/link?token={token}"


async def new_key(services: Services, user: User, name: str) -> str:
    """An API key for a day, with all that the user may do. Shown here and never again."""
    permissions = sorted(BUILTIN_ROLES["owner"])
    async with services.database.tenant(user.tenant_id) as session:
        key, whole = await put_key(session, services, user.id, name, permissions, now() + _KEY_LIFE)
        resource = Resource("api_key", str(key.id), name)
        await record(session, AuditEvent("KEY", "key.create", SYSTEM, resource=resource))
    return whole
