"""What a provider says about itself: discovery document and signing keys, fetched with care.

No redirects are followed, answers are small and quick or refused, and every address must be https (or on this
machine, for providers that are on this machine themselves, where the operator allows those).
"""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
import orjson
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from secretariat.platform.identity.oidc.errors import OidcError
from secretariat.platform.identity.oidc.network import Networks, Pinned

PublicKey = RSAKey | ECKey | OKPKey

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LARGEST_ANSWER = 256_000
_PATIENCE = httpx2.Timeout(5.0)
_FRESH_SECONDS = 300.0
_PAUSE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Provider:
    """The parts of the discovery document (OpenID Connect Discovery 1.0 §3) that a sign-in needs."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    sends_iss: bool
    takes_basic: bool


class Providers:
    """Fetches and keeps what providers publish, for five minutes, apart for each tenant.

    A failure is kept too, for ten seconds: anyone may start a sign-in, and a provider that is away or wrong isn't
    asked again for each of them.
    """

    def __init__(self, networks: Networks) -> None:
        self._networks = networks
        self._documents: dict[tuple[UUID, str], tuple[float, Provider]] = {}
        self._failures: dict[tuple[UUID, str], tuple[float, OidcError]] = {}
        self._keys: dict[tuple[UUID, str], tuple[float, list[PublicKey]]] = {}

    async def discover(self, tenant_id: UUID, issuer: str) -> Provider:
        """Raises OidcError."""
        kept = self._documents.get((tenant_id, issuer))
        if kept is not None and time.monotonic() - kept[0] < _FRESH_SECONDS:
            return kept[1]
        failed = self._failures.get((tenant_id, issuer))
        if failed is not None and time.monotonic() - failed[0] < _PAUSE_SECONDS:
            raise OidcError(failed[1].reason, failed[1].detail)
        try:
            document = await self.get_json(issuer.rstrip("/") + "/.well-known/openid-configuration")
            provider = _provider(issuer, document)
        except OidcError as failure:
            self._failures[tenant_id, issuer] = time.monotonic(), failure
            raise
        self._documents[tenant_id, issuer] = time.monotonic(), provider
        return provider

    async def keys(self, tenant_id: UUID, provider: Provider, *, refresh: bool = False) -> list[PublicKey]:
        """Public signing keys. `refresh` asks again: providers change keys without notice."""
        kept = self._keys.get((tenant_id, provider.jwks_uri))
        if not refresh and kept is not None and time.monotonic() - kept[0] < _FRESH_SECONDS:
            return kept[1]
        keys = _public_keys(await self.get_json(provider.jwks_uri))
        self._keys[tenant_id, provider.jwks_uri] = time.monotonic(), keys
        return keys

    async def exchange(
        self, token_endpoint: str, client_id: str, secret: str | None, method: str, form: dict[str, str]
    ) -> dict[str, Any]:
        """A code for tokens (RFC 6749 §4.1.3, RFC 7636 §4.5). Raises OidcError."""
        async with AsyncOAuth2Client(
            client_id, secret, token_endpoint_auth_method=method, **self._manners()
        ) as client:
            try:
                token = await client.fetch_token(token_endpoint, grant_type="authorization_code", **form)
            except OAuthError as cause:
                raise OidcError("provider_refused", "The identity provider refused the request.") from cause
            except (httpx2.HTTPError, httpx2.InvalidURL) as cause:
                raise OidcError("provider_unreachable", "The identity provider does not answer.") from cause
            except (ValueError, TypeError) as cause:
                raise OidcError("answer_not_json") from cause
        if not isinstance(token, dict):
            raise OidcError("answer_not_json")
        return dict(token)

    async def get_json(self, url: str, **options: Any) -> dict[str, Any]:
        """Raises OidcError."""
        async with httpx2.AsyncClient(**self._manners()) as client:
            try:
                answer = await client.get(url, **options)
            except (httpx2.HTTPError, httpx2.InvalidURL) as cause:
                raise OidcError("provider_unreachable", "The identity provider does not answer.") from cause
        if answer.status_code != httpx2.codes.OK:
            raise OidcError("provider_refused", "The identity provider refused the request.")
        try:
            value = orjson.loads(answer.content)
        except orjson.JSONDecodeError as cause:
            raise OidcError("answer_not_json") from cause
        if not isinstance(value, dict):
            raise OidcError("answer_not_json")
        return value

    def _manners(self) -> dict[str, Any]:
        return {
            "transport": _Capped(Pinned(httpx2.AsyncHTTPTransport(), self._networks)),
            "timeout": _PATIENCE,
            "follow_redirects": False,
            "trust_env": False,
            "headers": {"Accept": "application/json", "Accept-Encoding": "identity"},
        }


class _Capped(httpx2.AsyncBaseTransport):
    """Reads each answer whole, or refuses it once it is larger than a provider's answer can honestly be."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await self._inner.handle_async_request(request)
        if answer.headers.get("content-encoding", "identity") != "identity":
            await answer.aclose()
            raise OidcError("answer_compressed")  # what it unpacks to isn't known before
        received = bytearray()
        try:
            assert isinstance(answer.stream, httpx2.AsyncByteStream)
            async for piece in answer.stream:
                received += piece
                if len(received) > _LARGEST_ANSWER:
                    raise OidcError("answer_too_large")
        finally:
            await answer.aclose()
        headers = [
            (name, value) for name, value in answer.headers.raw if name.lower() != b"transfer-encoding"
        ]
        return httpx2.Response(answer.status_code, headers=headers, content=bytes(received), request=request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _provider(issuer: str, document: dict[str, Any]) -> Provider:
    if document.get("issuer") != issuer:
        raise OidcError("discovery_issuer_mismatch")
    methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    userinfo = document.get("userinfo_endpoint")
    return Provider(
        issuer=issuer,
        authorization_endpoint=_address(document, "authorization_endpoint", issuer),
        token_endpoint=_address(document, "token_endpoint", issuer),
        jwks_uri=_address(document, "jwks_uri", issuer),
        userinfo_endpoint=_address(document, "userinfo_endpoint", issuer) if userinfo else None,
        sends_iss=document.get("authorization_response_iss_parameter_supported") is True,
        takes_basic="client_secret_basic" in methods,
    )


def _address(document: dict[str, Any], name: str, issuer: str) -> str:
    url = document.get(name)
    if not isinstance(url, str):
        raise OidcError(f"discovery_without_{name}")
    parts = urlsplit(url)
    local = urlsplit(issuer).hostname in LOOPBACK and parts.hostname in LOOPBACK
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise OidcError("discovery_insecure_address")
    return url


def _public_keys(document: dict[str, Any]) -> list[PublicKey]:
    """Asymmetric keys for signatures; others, also malformed ones, are as if they weren't there."""
    found: list[PublicKey] = []
    listed = document.get("keys")
    for entry in listed if isinstance(listed, list) else []:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        public = {
            name: value for name, value in entry.items() if name not in ("d", "p", "q", "dp", "dq", "qi")
        }
        try:
            keys = KeySet.import_key_set({"keys": [public]}).keys
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        found += [key for key in keys if isinstance(key, RSAKey | ECKey | OKPKey)]
    return found
