"""ID tokens that must not sign anyone in."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from secretariat.platform.identity.callers import SESSION_COOKIE
from tests.support.providers import (
    CLIENT_ID,
    CLIENT_SECRET,
    LoopbackProvider,
    hmac_signed,
    signed_with,
    unsigned,
)


def _foreign_rsa(provider: LoopbackProvider) -> Callable[[dict[str, Any]], str]:
    return signed_with(RSAKey.generate_key(2048), "RS256", kid=provider.key.kid)


def _own_key_in_header(provider: LoopbackProvider) -> Callable[[dict[str, Any]], str]:
    key = RSAKey.generate_key(2048)
    return signed_with(key, "RS256", kid=provider.key.kid, jwk=key.as_dict(private=False))


def _hs256_with_public_key(provider: LoopbackProvider) -> Callable[[dict[str, Any]], str]:
    """RS256/HS256 confusion: the public key, which everyone has, as the shared secret."""
    return hmac_signed(provider.key.as_pem(private=False), kid=provider.key.kid)


SIGNATURES = {
    "alg none": lambda _provider: unsigned,
    "HS256 with the client secret": lambda _provider: hmac_signed(CLIENT_SECRET.encode()),
    "HS256 with the public key": _hs256_with_public_key,
    "another key under the right kid": _foreign_rsa,
    "a key of its own in the header": _own_key_in_header,
    "an unknown kid": lambda provider: signed_with(provider.key, "RS256", kid="../../etc/passwd"),
    "not a token": lambda _provider: lambda _claims: "not.a.token",
}


@pytest.mark.parametrize("name", SIGNATURES)
async def test_signatures_that_prove_nothing(journey, client, provider, name):
    provider.sign = SIGNATURES[name](provider)
    answer = await journey.complete(client)
    assert 400 <= answer.status_code < 500
    assert SESSION_COOKIE not in client.cookies
    assert await journey.sessions() == 0
    assert (await journey.last_reason() or "").startswith("id_token_")


CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"iss": "https://evil.example"}, "id_token_issuer"),
    "the issuer with a slash": ({"iss": "{issuer}/"}, "id_token_issuer"),
    "another audience": ({"aud": "another-client"}, "id_token_audience"),
    "several audiences, no azp": ({"aud": [CLIENT_ID, "other"]}, "id_token_authorized_party"),
    "several audiences, another azp": (
        {"aud": [CLIENT_ID, "other"], "azp": "other"},
        "id_token_authorized_party",
    ),
    "another azp": ({"azp": "other"}, "id_token_authorized_party"),
    "expired": ({"exp": 1_700_000_000}, "id_token_expired"),
    "expired two minutes ago": ({"exp": "{now-120}"}, "id_token_expired"),
    "no expiry": ({"exp": None}, "id_token_expired"),
    "an expiry that is text": ({"exp": "tomorrow"}, "id_token_expired"),
    "from the future": ({"iat": "{now+120}"}, "id_token_issued_at"),
    "without a time": ({"iat": None}, "id_token_issued_at"),
    "not valid yet": ({"nbf": "{now+120}"}, "id_token_not_yet"),
    "another nonce": ({"nonce": "replayed"}, "id_token_nonce"),
    "no nonce": ({"nonce": None}, "id_token_nonce"),
    "no subject": ({"sub": None}, "id_token_subject"),
    "a subject without end": ({"sub": "s" * 256}, "id_token_subject"),
    "a subject that is a number": ({"sub": 7}, "id_token_subject"),
    "another access token's hash": ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "id_token_at_hash"),
    "an unverified address": ({"email_verified": False}, "email_unverified"),
}


@pytest.mark.parametrize("name", CLAIMS)
async def test_claims_that_are_not_for_us(journey, client, provider, name):
    claims, reason = CLAIMS[name]
    moment = int(time.time())
    values = {"{issuer}/": provider.issuer + "/", "{now-120}": moment - 120, "{now+120}": moment + 120}
    provider.claims = {
        claim: values.get(value, value) if isinstance(value, str) else value
        for claim, value in claims.items()
    }
    answer = await journey.complete(client)
    assert 400 <= answer.status_code < 500
    assert await journey.sessions() == 0
    refused = await journey.last_reason()
    assert refused in (reason, "id_token_signature")  # a library may refuse a malformed claim by itself


async def test_a_small_skew_of_clocks_is_fine(journey, client, provider):
    moment = int(time.time())
    provider.claims = {"iat": moment + 45, "nbf": moment + 45, "exp": moment - 45}
    assert (await journey.complete(client)).status_code == 303
