"""Passwords: argon2id (RFC 9106), the same work whether or not the user exists."""

import asyncio
import secrets
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from secretariat.platform.web.errors import InvalidError

SHORTEST, LONGEST = 12, 128
# One lane, 46 MiB, one pass: as strong as more lanes with less memory (OWASP Password Storage Cheat Sheet),
# and a burst of sign-ins doesn't take every core.
_HASHER = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)


async def hash_password(password: str) -> str:
    return await asyncio.to_thread(_HASHER.hash, password)


async def verify_password(kept: str | None, password: str) -> bool:
    """False for no user or no password, after the same work."""
    matches = await asyncio.to_thread(_verify, kept or _of_nobody(), password)
    return matches and kept is not None


@lru_cache(maxsize=1)
def _of_nobody() -> str:
    """The hash of a random string: what the password of an unknown user is compared with."""
    return _HASHER.hash(secrets.token_urlsafe(32))


def _verify(kept: str, password: str) -> bool:
    try:
        return _HASHER.verify(kept, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def check_new_password(password: str, email: str) -> None:
    """Length matters, composition doesn't (NIST SP 800-63B §3.1.1). Raises InvalidError."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidError(f"A password has {SHORTEST} to {LONGEST} characters.")
    if len(set(password)) < 5 or email.split("@", 1)[0].lower() in password.lower():
        raise InvalidError("This password is too easy to guess.")
