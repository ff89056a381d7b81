"""The alphabet of byte-level BPE: each byte stands as one printable character.

Introduced with GPT-2 (Radford et al. 2019): printable Latin-1 bytes stand for themselves, the rest
are shifted to U+0100 and up in order.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

_PRINTABLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))


@cache
def byte_of() -> Mapping[str, int]:
    """Character -> byte, for all 256 bytes."""
    characters = {chr(byte): byte for byte in _PRINTABLE}
    rest = (byte for byte in range(256) if byte not in _PRINTABLE)
    characters.update({chr(0x100 + index): byte for index, byte in enumerate(rest)})
    return MappingProxyType(characters)


def to_bytes(token: str) -> bytes:
    """The bytes a vocabulary entry stands for. Raises KeyError for a character outside the alphabet."""
    table = byte_of()
    return bytes(table[character] for character in token)
