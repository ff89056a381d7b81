"""JSON with one spelling (RFC 8785), so that equal values have equal bytes and equal hashes."""

import hashlib
from typing import Any

import rfc8785


def canonical(value: Any) -> bytes:
    """Raises rfc8785.CanonicalizationError for what JSON can't say (NaN, integers beyond 2**53)."""
    return rfc8785.dumps(value)


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
