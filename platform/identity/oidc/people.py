"""From a provider's subject to a user: linked before, or made at the first sign-in, never by e-mail alone."""

from secretariat.platform.access import repository as access
from secretariat.platform.audit.event import Actor, AuditEvent, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.db.session import TenantSession
from secretariat.platform.identity import repository
from secretariat.platform.identity.oidc.errors import AccountConflictError, OidcError
from secretariat.platform.identity.oidc.flow import Arrival
from secretariat.platform.identity.sign_in import Origin
from secretariat.platform.kit.ids import new_id
from secretariat.platform.tables.identity import ExternalIdentity, User


async def user_of(session: TenantSession, arrival: Arrival, origin: Origin) -> User:
    """Raises OidcError, AccountConflictError."""
    linked = await repository.external_identity(session, arrival.connection.id, arrival.subject)
    if linked is None:
        return await _first_sign_in(session, arrival, origin)
    user = await repository.user(session, linked.user_id)
    if user is None or user.status != "active":
        raise OidcError("user_disabled", "This account is disabled. Ask an administrator.")
    return user


async def _first_sign_in(session: TenantSession, arrival: Arrival, origin: Origin) -> User:
    if arrival.email is None:
        raise OidcError("no_email", "The identity provider gives no e-mail address for you.")
    if arrival.email_unverified:
        raise OidcError("email_unverified", "The identity provider has not verified your e-mail address.")
    if await repository.user_by_email(session, arrival.email) is not None:
        raise AccountConflictError
    user = User(
        tenant_id=session.tenant_id,
        id=new_id(),
        email=arrival.email,
        name=(arrival.name or arrival.email)[:200],
        status="active",
    )
    session.add(user)
    await session.flush()
    session.add(
        ExternalIdentity(
            tenant_id=session.tenant_id,
            id=new_id(),
            user_id=user.id,
            connection_id=arrival.connection.id,
            subject=arrival.subject,
        )
    )
    roles = await access.roles_named(session, [arrival.connection.default_role])
    await access.assign(session, user.id, [role.id for role in roles])
    await record(
        session,
        AuditEvent(
            event_type="IDENTITY",
            action="user.provision",
            actor=Actor(type="user", id=user.id, email=user.email, auth_method="oidc", ip=origin.ip),
            resource=Resource("user", str(user.id), user.email),
            request_id=origin.request_id,
            details={
                "connection_id": str(arrival.connection.id),
                "roles": [role.name for role in roles],
            },
        ),
    )
    return user
