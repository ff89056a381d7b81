"""Authenticated encryption: AES-256-GCM (NIST SP 800-38D), the nonce in front of the ciphertext."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12


class UndecipherableError(Exception):
    """Wrong key, wrong context, or bytes that were changed."""


def new_key() -> bytes:
    return AESGCM.generate_key(bit_length=256)


def encrypt(key: bytes, plaintext: bytes | memoryview, context: bytes) -> bytes:
    """nonce || ciphertext || tag. `context` must be given again to decrypt."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, context)


def decrypt(key: bytes, sealed: bytes | memoryview, context: bytes) -> bytes:
    """Raises UndecipherableError."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
    except InvalidTag as cause:
        raise UndecipherableError("the stored bytes don't match their key and context") from cause
