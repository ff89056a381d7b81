"""Secrets that people and programs carry: how they are made, spelled, and kept (only as HMACs).

A credential names its tenant in clear, so that the look-up itself runs under that tenant.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_SECRET = r"([A-Za-z0-9_-]{43})"  # noqa: S105 - a pattern
_COOKIE = re.compile(rf"([0-9a-f]{{32}})\.([0-9a-f]{{32}})\.{_SECRET}")
_API_KEY = re.compile(rf"sk_([0-9a-f]{{32}})_([0-9a-f]{{32}})_{_SECRET}")


class CredentialHasher:
    """HMAC-SHA256 under a key derived from the master key (HKDF-SHA256, RFC 5869), one for each purpose."""

    def __init__(self, master_key: bytes, purpose: str) -> None:
        label = b"secretariat/credentials/" + purpose.encode()
        self._key = HKDF(SHA256(), 32, salt=None, info=label).derive(master_key)

    def of(self, secret: str) -> bytes:
        return hmac.new(self._key, secret.encode(), hashlib.sha256).digest()

    def matches(self, secret: str, kept: bytes) -> bool:
        """In constant time."""
        return hmac.compare_digest(self.of(secret), kept)


@dataclass(frozen=True, slots=True)
class Credential:
    """The three parts of a session cookie, an API key or a sign-in link."""

    tenant_id: UUID
    id: UUID
    secret: str

    @property
    def as_cookie(self) -> str:
        return f"{self.tenant_id.hex}.{self.id.hex}.{self.secret}"

    @property
    def as_api_key(self) -> str:
        return f"sk_{self.tenant_id.hex}_{self.id.hex}_{self.secret}"

    @classmethod
    def from_cookie(cls, text: str) -> "Credential | None":
        return cls._from(_COOKIE.fullmatch(text))

    @classmethod
    def from_api_key(cls, text: str) -> "Credential | None":
        return cls._from(_API_KEY.fullmatch(text))

    @classmethod
    def _from(cls, match: re.Match[str] | None) -> "Credential | None":
        return cls(UUID(match[1]), UUID(match[2]), match[3]) if match else None


def new_secret() -> str:
    """256 random bits, 43 characters."""
    return secrets.token_urlsafe(32)
