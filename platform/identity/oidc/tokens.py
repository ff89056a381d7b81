"""The ID token: its signature and its claims (OpenID Connect Core 1.0 §3.1.3.7)."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError

from secretariat.platform.identity.oidc.errors import OidcError
from secretariat.platform.identity.oidc.provider import PublicKey
from secretariat.platform.kit.times import now

SKEW_SECONDS = 60
OLDEST_SECONDS = 600
LONGEST_SUBJECT = 255
# Asymmetric only: with HS256, whoever knows the client secret could write tokens; `none` needs no one.
_KEY_TYPES = {
    "RS256": "RSA",
    "RS384": "RSA",
    "RS512": "RSA",
    "PS256": "RSA",
    "PS384": "RSA",
    "PS512": "RSA",
    "ES256": "EC",
    "ES384": "EC",
    "ES512": "EC",
    "Ed25519": "OKP",
    "EdDSA": "OKP",
}
_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


class UnknownKeyError(OidcError):
    """No key fits: the provider may have changed its keys since they were fetched."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What this sign-in was begun with."""

    issuer: str
    client_id: str
    nonce: str


def read_id_token(
    token: str, keys: Sequence[PublicKey], expected: Expected, access_token: str | None
) -> dict[str, Any]:
    """The verified claims. Raises UnknownKeyError, OidcError."""
    header = _header(token)
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in _KEY_TYPES:
        raise OidcError("id_token_algorithm")
    key = _key_for(header, algorithm, keys)
    try:
        claims = jwt.decode(token, key, algorithms=[algorithm]).claims
    except (JoseError, ValueError, TypeError) as cause:
        raise UnknownKeyError("id_token_signature") from cause
    _check_parties(claims, expected)
    _check_times(claims)
    if not _same(claims.get("nonce"), expected.nonce):
        raise OidcError("id_token_nonce")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= LONGEST_SUBJECT:
        raise OidcError("id_token_subject")
    if access_token is not None and "at_hash" in claims:
        _check_at_hash(claims["at_hash"], algorithm, access_token)
    return claims


def _header(token: str) -> dict[str, Any]:
    try:
        return dict(jws.extract_compact(token.encode("ascii")).headers())
    except (JoseError, ValueError, TypeError) as cause:
        raise OidcError("id_token_malformed") from cause


def _key_for(header: dict[str, Any], algorithm: str, keys: Sequence[PublicKey]) -> PublicKey:
    """By `kid`; without one, only where there is no choice. Keys that the token brings along don't count."""
    fitting = [
        key for key in keys if key.key_type == _KEY_TYPES[algorithm] and key.get("alg") in (None, algorithm)
    ]
    if "kid" in header:
        fitting = [key for key in fitting if key.get("kid") == header["kid"]]
    if len(fitting) != 1:
        raise UnknownKeyError("id_token_key")
    return fitting[0]


def _check_parties(claims: dict[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise OidcError("id_token_issuer")
    given = claims.get("aud")
    audience = [given] if isinstance(given, str) else given
    if not isinstance(audience, list) or expected.client_id not in audience:
        raise OidcError("id_token_audience")
    party = claims.get("azp")
    if party != expected.client_id and (len(audience) > 1 or party is not None):
        raise OidcError("id_token_authorized_party")


def _check_times(claims: dict[str, Any]) -> None:
    moment = now().timestamp()
    expires, issued, begins = (_seconds(claims, name) for name in ("exp", "iat", "nbf"))
    if expires is None or expires <= moment - SKEW_SECONDS:
        raise OidcError("id_token_expired")
    if issued is None or not moment - OLDEST_SECONDS <= issued <= moment + SKEW_SECONDS:
        raise OidcError("id_token_issued_at")
    if begins is not None and begins > moment + SKEW_SECONDS:
        raise OidcError("id_token_not_yet")


def _seconds(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _check_at_hash(given: object, algorithm: str, access_token: str) -> None:
    """Core §3.1.3.6: the left half of the hash that goes with the algorithm."""
    hashed = _HASHES.get(algorithm[-3:], hashlib.sha512)(access_token.encode()).digest()
    expected = base64.urlsafe_b64encode(hashed[: len(hashed) // 2]).rstrip(b"=").decode()
    if not _same(given, expected):
        raise OidcError("id_token_at_hash")


def _same(given: object, expected: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode(), expected.encode())
