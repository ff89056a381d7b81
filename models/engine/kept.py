"""What was made of texts lately, kept up to a number of bytes; the longest unused goes first.

A text is found again by a keyed hash of its words and of whose they are: what one tenant asked makes nothing
faster for another. Knows not what is kept.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Kept(Generic[Made]):
    """Any thread. `size`: the bytes of what is kept."""

    def __init__(self, room: int, size: Callable[[Made], int]) -> None:
        self._kept: OrderedDict[bytes, Made] = OrderedDict()
        self._room = room
        self._size = size
        self._lock = threading.Lock()

    def known(self, keys: Sequence[bytes]) -> dict[bytes, Made]:
        """Those of the keys that something is kept for."""
        with self._lock:
            found = {key: self._kept[key] for key in keys if key in self._kept}
            for key in found:
                self._kept.move_to_end(key)
        return found

    def keep(self, made: Mapping[bytes, Made]) -> None:
        with self._lock:
            for key, each in made.items():
                if key not in self._kept:
                    self._kept[key] = each
                    self._room -= self._size(each)
            while self._room < 0 and self._kept:
                _, dropped = self._kept.popitem(last=False)
                self._room += self._size(dropped)


def key_of(tenant: str, text: str) -> bytes:
    return hashlib.blake2b(
        text.encode(), digest_size=32, key=hashlib.sha256(tenant.encode()).digest()
    ).digest()
