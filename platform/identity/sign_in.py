"""Signing in: by password or by a one-time link. Every try in a known tenant is on record."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import Actor, AuditEvent, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.db.session import TenantSession
from secretariat.platform.identity import repository
from secretariat.platform.identity.credentials import Credential
from secretariat.platform.identity.passwords import verify_password
from secretariat.platform.identity.sessions import OpenedSession, open_session, user_of_link
from secretariat.platform.kit.times import now
from secretariat.platform.services import Services
from secretariat.platform.tables.identity import User
from secretariat.platform.tables.tenants import Tenant
from secretariat.platform.web.errors import (
    Fault,
    InvalidError,
    TooManyRequestsError,
    UnauthenticatedError,
)

WINDOW = timedelta(minutes=15)
FAILURES_OF_ACCOUNT = 10
FAILURES_OF_ADDRESS = 100


class WrongCredentialsError(UnauthenticatedError):
    """The same for an unknown tenant, an unknown person, a disabled one and a wrong password."""

    code = "WRONG_CREDENTIALS"

    def __init__(self) -> None:
        super().__init__("The workspace, e-mail or password is not right.")


class WrongPasswordError(InvalidError):
    code = "WRONG_PASSWORD"

    def __init__(self) -> None:
        fault = Fault(pointer="/current_password", code="wrong", detail="This is not your password.")
        super().__init__("A new password needs the one you have now.", errors=(fault,))


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a sign-in comes from."""

    ip: str | None
    user_agent: str | None
    request_id: str


async def find_tenant(services: Services, slug: str) -> Tenant | None:
    """The active tenant of that short name."""
    async with services.database.unbound() as session:
        tenant = await repository.tenant_by_slug(session, slug.strip().lower())
    return tenant if tenant is not None and tenant.status == "active" else None


async def sign_in_with_password(
    services: Services, slug: str, email: str, password: str, origin: Origin
) -> OpenedSession:
    """Raises WrongCredentialsError, TooManyRequestsError."""
    email = email.strip().lower()
    tenant = await find_tenant(services, slug)
    if tenant is None:
        await verify_password(None, password)
        raise WrongCredentialsError
    async with services.database.tenant(tenant.id) as session:
        await check_throttle(session, email, origin)
        user = await repository.user_by_email(session, email)
    usable = user if user is not None and user.status == "active" else None
    matches = await verify_password(usable.password_hash if usable else None, password)
    async with services.database.tenant(tenant.id) as session:
        await admit(session, email, origin)
        if usable is not None and matches:
            return await signed_in(session, services, usable, "password", origin)
        await refused(session, email, "password", "wrong_credentials", origin)
    raise WrongCredentialsError


async def confirm_password(services: Services, caller: Caller, user: User, given: str | None) -> None:
    """A session that was left open or stolen must not become the account.

    Wrong ones count as refused sign-ins. Raises WrongPasswordError, TooManyRequestsError.
    """
    if given is None:
        raise WrongPasswordError
    origin = Origin(caller.ip, None, caller.request_id)
    async with services.database.tenant(caller.tenant_id) as session:
        await check_throttle(session, user.email, origin)
    matches = await verify_password(user.password_hash, given)
    async with services.database.tenant(caller.tenant_id) as session:
        await admit(session, user.email, origin)
        if matches:
            return
        await refused(session, user.email, "password", "wrong_current_password", origin)
    raise WrongPasswordError


async def admit(session: TenantSession, email: str | None, origin: Origin) -> None:
    """The throttle once more, one after the other for each address, before the outcome counts.

    Of tries that run at the same time, each sees the refusals of those before it, and no more outcomes get
    out than the throttle allows. No connection is held while a password is hashed. Raises
    TooManyRequestsError.
    """
    await repository.lock_sign_ins(session, origin.ip)
    await check_throttle(session, email, origin)


async def check_throttle(session: TenantSession, email: str | None, origin: Origin) -> None:
    """Counts what the audit log says, so that restarts and replicas don't forget.

    What is refused here is not recorded again: nobody may fill the log. Raises TooManyRequestsError.
    """
    of_account, of_address = await repository.refused_sign_ins(session, email, origin.ip, now() - WINDOW)
    if of_account >= FAILURES_OF_ACCOUNT or of_address >= FAILURES_OF_ADDRESS:
        raise TooManyRequestsError(
            "Too many failed sign-ins from this address. Wait before trying again.",
            retry_after_seconds=int(WINDOW.total_seconds()),
        )


async def sign_in_with_link(services: Services, token: str, origin: Origin) -> OpenedSession:
    """Raises UnauthenticatedError for a link that is wrong, used or too old."""
    credential = Credential.from_cookie(token)
    if credential is None:
        raise UnauthenticatedError("This is not a sign-in link.")
    async with services.database.tenant(credential.tenant_id) as session:
        user = await user_of_link(session, services, credential)
        return await signed_in(session, services, user, "link", origin)


async def signed_in(
    session: TenantSession, services: Services, user: User, method: str, origin: Origin, **details: Any
) -> OpenedSession:
    """A new session, and the record of it."""
    opened = await open_session(session, services, user, method, ip=origin.ip, user_agent=origin.user_agent)
    actor = Actor(
        type="user",
        id=user.id,
        email=user.email,
        auth_method=method,
        session_id=opened.session.id,
        ip=origin.ip,
    )
    resource = Resource("session", str(opened.session.id))
    await record(
        session,
        AuditEvent(
            event_type="AUTH",
            action="session.create",
            actor=actor,
            resource=resource,
            request_id=origin.request_id,
            details={"method": method, **details},
        ),
    )
    return opened


async def refused(
    session: TenantSession, email: str | None, method: str, reason: str, origin: Origin, **details: Any
) -> None:
    """The record of a sign-in that was refused."""
    await record(
        session,
        AuditEvent(
            event_type="AUTH",
            action="session.create",
            actor=Actor(type="anonymous", email=email, auth_method=method, ip=origin.ip),
            outcome="denied",
            request_id=origin.request_id,
            details={"method": method, "reason": reason, **details},
        ),
    )
