"""The two halves of a sign-in: sending the browser to the provider, and taking it back.

A sign-in under way is bound to its browser by a cookie, to its tenant by its state, to its tokens by nonce and
PKCE verifier. Each can be used once. No transaction is open while the provider is asked.
"""

import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from authlib.integrations.httpx_client import AsyncOAuth2Client

from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import TenantSession
from secretariat.platform.identity import repository
from secretariat.platform.identity.credentials import Credential, CredentialHasher, new_secret
from secretariat.platform.identity.oidc.errors import OidcError
from secretariat.platform.identity.oidc.provider import Provider, Providers
from secretariat.platform.identity.oidc.tokens import Expected, UnknownKeyError, read_id_token
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.services import Services
from secretariat.platform.settings import Settings
from secretariat.platform.tables.identity import LoginState, SignInConnection
from secretariat.platform.web.errors import NotFoundError

STATES = "oidc-state"
BROWSERS = "oidc-browser"
LIFE = timedelta(minutes=10)
SCOPE = "openid email profile"
_OWN_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")
_CALLBACK = "/auth/oidc/callback"


def redirect_uri(settings: Settings) -> str:
    return settings.base_url + _CALLBACK


def own_path(wanted: str) -> str:
    """Where to go afterwards: a path of this service's console, whatever was asked for."""
    kept = bool(_OWN_PATH.fullmatch(wanted)) and not wanted.startswith(("/auth/", "/api/"))
    return wanted if kept else "/"


@dataclass(frozen=True, slots=True)
class Departure:
    """Send the browser to `url` and give it the cookie."""

    url: str
    cookie_name: str
    cookie_value: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a provider vouched for. `subject` is the only lasting name of the person."""

    connection: SignInConnection
    subject: str
    email: str | None
    email_unverified: bool
    name: str | None
    next_path: str


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A sign-in that has come back, with what it was begun with."""

    connection: SignInConnection
    client_secret: str | None
    nonce: str
    verifier: str
    next_path: str


async def depart(
    services: Services, providers: Providers, tenant_id: UUID, connection_id: UUID, next_path: str
) -> Departure:
    """Raises NotFoundError, OidcError."""
    async with services.database.tenant(tenant_id) as session:
        tenant = await repository.tenant(session)
        connection = await repository.connection(session, connection_id)
    if tenant is None or tenant.status != "active" or connection is None or not connection.enabled:
        raise NotFoundError("connection")
    provider = await providers.discover(tenant_id, connection.issuer)
    state = Credential(tenant_id, new_id(), new_secret())
    nonce, verifier, browser = new_secret(), new_secret(), new_secret()
    async with services.database.tenant(tenant_id) as session:
        await repository.forget_login_states(session, now())
        secret = await services.contents.put_json(session, {"nonce": nonce, "verifier": verifier})
        session.add(
            LoginState(
                tenant_id=tenant_id,
                id=state.id,
                connection_id=connection.id,
                state_hmac=_hasher(services, STATES).of(state.as_cookie),
                browser_hmac=_hasher(services, BROWSERS).of(browser),
                secret_id=secret.id,
                next_path=own_path(next_path),
                expires_at=now() + LIFE,
            )
        )
    async with AsyncOAuth2Client(
        connection.client_id,
        scope=SCOPE,
        redirect_uri=redirect_uri(services.settings),
        code_challenge_method="S256",
    ) as client:
        url, _state = client.create_authorization_url(
            provider.authorization_endpoint, state=state.as_cookie, nonce=nonce, code_verifier=verifier
        )
    return Departure(url=url, cookie_name=cookie_name(state.id), cookie_value=browser)


def cookie_name(state_id: UUID) -> str:
    """One for each sign-in, so that two tabs don't get in each other's way."""
    return f"secretariat_login_{state_id.hex}"


async def take_back(services: Services, state: Credential, browser: str | None) -> UnderWay:
    """Ends the sign-in under way, whatever comes of it. Raises OidcError."""
    async with services.database.tenant(state.tenant_id) as session:
        row = await repository.use_login_state(session, _hasher(services, STATES).of(state.as_cookie), now())
        under_way = await _under_way(session, services.contents, row) if row is not None else None
    if row is None or under_way is None:
        raise OidcError("state_unknown", "This sign-in is too old or was completed before. Start again.")
    if browser is None or not _hasher(services, BROWSERS).matches(browser, row.browser_hmac):
        raise OidcError("state_of_another_browser", "This sign-in was started in another browser.")
    return under_way


async def _under_way(session: TenantSession, contents: ContentStore, row: LoginState) -> UnderWay | None:
    tenant = await repository.tenant(session)
    connection = await repository.connection(session, row.connection_id)
    if tenant is None or tenant.status != "active" or connection is None or not connection.enabled:
        return None
    kept = await contents.json(session, row.secret_id)
    secret_id = connection.client_secret_id
    secret = await contents.text(session, secret_id) if secret_id is not None else None
    return UnderWay(connection, secret, kept["nonce"], kept["verifier"], row.next_path)


async def arrive(
    services: Services, providers: Providers, under_way: UnderWay, code: str, issuer: str | None
) -> Arrival:
    """Exchange the code and verify what comes of it. Raises OidcError."""
    connection = under_way.connection
    provider = await providers.discover(connection.tenant_id, connection.issuer)
    _check_answering_issuer(provider, issuer)
    answer = await _exchange(services, providers, provider, under_way, code)
    token, access_token = answer.get("id_token"), answer.get("access_token")
    if not isinstance(token, str):
        raise OidcError("no_id_token")
    access_token = access_token if isinstance(access_token, str) else None
    expected = Expected(connection.issuer, connection.client_id, under_way.nonce)
    try:
        keys = await providers.keys(connection.tenant_id, provider)
        claims = read_id_token(token, keys, expected, access_token)
    except UnknownKeyError:
        keys = await providers.keys(connection.tenant_id, provider, refresh=True)
        claims = read_id_token(token, keys, expected, access_token)
    if "email" not in claims and provider.userinfo_endpoint and access_token:
        claims = await _with_userinfo(providers, provider.userinfo_endpoint, access_token, claims)
    email, name = claims.get("email"), claims.get("name")
    return Arrival(
        connection=connection,
        subject=claims["sub"],
        email=email.strip().lower() if isinstance(email, str) and "@" in email else None,
        email_unverified=claims.get("email_verified") in (False, "false"),
        name=name if isinstance(name, str) and name.strip() else None,
        next_path=under_way.next_path,
    )


def _check_answering_issuer(provider: Provider, issuer: str | None) -> None:
    """RFC 9207: the answer names who gave it, so that one provider can't answer for another."""
    if issuer is None and provider.sends_iss:
        raise OidcError("iss_missing")
    if issuer is not None and not hmac.compare_digest(issuer.encode(), provider.issuer.encode()):
        raise OidcError("iss_mismatch")


async def _exchange(
    services: Services, providers: Providers, provider: Provider, under_way: UnderWay, code: str
) -> dict[str, Any]:
    secret = under_way.client_secret
    method = (
        "none" if secret is None else "client_secret_basic" if provider.takes_basic else "client_secret_post"
    )
    form = {
        "code": code,
        "redirect_uri": redirect_uri(services.settings),
        "code_verifier": under_way.verifier,
    }
    client_id = under_way.connection.client_id
    return await providers.exchange(provider.token_endpoint, client_id, secret, method, form)


async def _with_userinfo(
    providers: Providers, url: str, access_token: str, claims: dict[str, Any]
) -> dict[str, Any]:
    told = await providers.get_json(url, headers={"Authorization": f"Bearer {access_token}"})
    if told.get("sub") != claims["sub"]:
        raise OidcError("userinfo_subject")
    return claims | {name: told[name] for name in ("email", "email_verified", "name") if name in told}


def _hasher(services: Services, purpose: str) -> CredentialHasher:
    return CredentialHasher(services.contents.keyring.master, purpose)
