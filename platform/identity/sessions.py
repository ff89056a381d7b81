"""The life of a signed-in browser: opened with a new id and secret each time, closed by revoking."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from secretariat.platform.db.session import TenantSession
from secretariat.platform.identity import repository
from secretariat.platform.identity.credentials import Credential, CredentialHasher, new_secret
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.services import Services
from secretariat.platform.tables.identity import SignInLink, SignInSession, User
from secretariat.platform.web.errors import UnauthenticatedError

SESSIONS = "session"
LINKS = "link"
LINK_LIFE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """`cookie` is the only place where the session's secret stands."""

    session: SignInSession
    cookie: str
    csrf_token: str
    expires_at: datetime


async def open_session(
    session: TenantSession,
    services: Services,
    user: User,
    auth_method: str,
    *,
    ip: str | None,
    user_agent: str | None,
) -> OpenedSession:
    """Always a new session: an id that someone planted before the sign-in stays worthless."""
    credential = Credential(session.tenant_id, new_id(), new_secret())
    row = SignInSession(
        tenant_id=session.tenant_id,
        id=credential.id,
        user_id=user.id,
        secret_hmac=CredentialHasher(services.contents.keyring.master, SESSIONS).of(credential.secret),
        csrf_token=secrets.token_urlsafe(32),
        auth_method=auth_method,
        ip=ip,
        user_agent=user_agent[:255] if user_agent else None,
        expires_at=now() + timedelta(hours=services.settings.session_hours),
    )
    session.add(row)
    await session.flush()
    return OpenedSession(row, credential.as_cookie, row.csrf_token, row.expires_at)


async def create_sign_in_link(session: TenantSession, services: Services, user: User) -> str:
    """A token for GET /auth/link?token=…; it signs the user in once, within 15 minutes."""
    credential = Credential(session.tenant_id, new_id(), new_secret())
    session.add(
        SignInLink(
            tenant_id=session.tenant_id,
            id=credential.id,
            user_id=user.id,
            secret_hmac=CredentialHasher(services.contents.keyring.master, LINKS).of(credential.secret),
            expires_at=now() + LINK_LIFE,
        )
    )
    await session.flush()
    return credential.as_cookie


async def user_of_link(session: TenantSession, services: Services, credential: Credential) -> User:
    """Consumes the link. Raises UnauthenticatedError."""
    digest = CredentialHasher(services.contents.keyring.master, LINKS).of(credential.secret)
    link = await repository.use_link(session, credential.id, digest, now())
    user = await repository.user(session, link.user_id) if link is not None else None
    tenant = await repository.tenant(session)
    if user is None or user.status != "active" or tenant is None or tenant.status != "active":
        raise UnauthenticatedError("This link was used before or is too old. Make a new one.")
    return user


async def close_presented(session: TenantSession, services: Services, credential: Credential) -> None:
    """Revokes the session whose cookie was shown, if its secret is right."""
    row = await repository.sign_in_session(session, credential.id)
    hasher = CredentialHasher(services.contents.keyring.master, SESSIONS)
    if row is not None and hasher.matches(credential.secret, row.secret_hmac):
        await repository.revoke_session(session, row.id, now())
