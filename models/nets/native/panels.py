"""Packed matrices in a file without a name, mapped back when they are wanted again: no unpacking, no copy.

The file is this process's alone and gone with it, so what is read is what was written. Knows no checkpoint.
"""

import contextlib
import mmap
import os
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from secretariat.models.kernels.linear.packing import Packed

_ALIGNMENT = mmap.PAGESIZE
_POPULATE = 22  # MADV_POPULATE_READ, Linux 5.14 and later: one call for all pages instead of a fault for each


class Panels:
    """Of one network. Raises OSError where `folder` can't be written or is full."""

    def __init__(self, packed: Mapping[str, Packed], folder: Path) -> None:
        self._forms = {
            name: (one.form, one.outputs, one.inputs, one.matrices) for name, one in packed.items()
        }
        self._places: dict[str, tuple[int, tuple[int, ...]]] = {}
        with tempfile.TemporaryFile(dir=folder, prefix=".panels.") as file:
            for name, one in packed.items():
                self._places[name] = file.tell(), tuple(one.panels.shape)
                file.write(one.panels.numpy().data)
                file.write(bytes(-file.tell() % _ALIGNMENT))
            file.flush()
            self._file = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._file)

    def packed(self) -> dict[str, Packed]:
        """Mapped anew: the memory is given back once nobody looks at it."""
        mapped = mmap.mmap(self._file, 0, access=mmap.ACCESS_COPY)
        with contextlib.suppress(OSError, AttributeError):
            mapped.madvise(_POPULATE)
        whole = np.frombuffer(mapped, np.uint8)
        found = {}
        for name, (start, shape) in self._places.items():
            form, outputs, inputs, matrices = self._forms[name]
            panels = whole[start : start + int(np.prod(shape))].reshape(shape)
            found[name] = Packed(form, outputs, inputs, matrices, torch.from_numpy(panels))
        return found

    @property
    def bytes(self) -> int:
        """On the disk."""
        return os.fstat(self._file).st_size
