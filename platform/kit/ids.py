"""Time-ordered identifiers (UUIDv7, RFC 9562 §5.7)."""

import os
import time
from datetime import datetime
from uuid import UUID


def new_id() -> UUID:
    """A UUIDv7: 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def earliest_id(moment: datetime) -> UUID:
    """A bound below every id that `new_id` makes from that moment on."""
    return UUID(int=(int(moment.timestamp() * 1000) & (1 << 48) - 1) << 80)
