"""A file mapped into memory, of which no more stays resident than was asked for last.

A checkpoint is read once, tensor by tensor, into other layouts: without this a process would hold it twice.
"""

import contextlib
import mmap
from pathlib import Path

import numpy as np

from secretariat.models.checkpoints.quants import Bytes

_FORGET = getattr(mmap, "MADV_DONTNEED", None)  # Linux has it


class MappedFile:
    """The file must not be empty. Views keep it mapped; written to, they change nothing but themselves."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as stream:
            self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
        self._bytes: Bytes = np.frombuffer(self._map, np.uint8)

    def __len__(self) -> int:
        return len(self._bytes)

    @property
    def whole(self) -> Bytes:
        return self._bytes

    def view(self, start: int, end: int) -> Bytes:
        """What was viewed before stays valid: it is read again from the file where somebody still looks at it."""
        if _FORGET is not None:
            with contextlib.suppress(OSError):
                self._map.madvise(_FORGET)
        return self._bytes[start:end]
