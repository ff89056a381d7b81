"""Reads safetensors files: a JSON header, then tensors on demand from a memory map.

Every range is checked before use: a header that lies is refused with ModelError("checkpoint_invalid")
naming the place. Knows nothing of what the tensors mean.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from secretariat.models.checkpoints.mapped_file import MappedFile
from secretariat.models.checkpoints.quants import Bytes, Floats
from secretariat.models.errors import ModelError

_BF16 = "BF16"
_TEXTS = "__metadata__"
_AS_STORED = ("F32", "F16", _BF16)
_LAYOUTS: Mapping[str, str] = MappingProxyType(
    {
        "F64": "<f8", "F32": "<f4", "F16": "<f2", _BF16: "<u2",
        "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?",
    }
)  # fmt: skip
_LENGTH_BYTES = 8
_MAX_HEADER = 100_000_000  # the format's own limit


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """`start` and `end` count bytes from the beginning of the file."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SafetensorsTensor:
    """A `Source`: numbers in the map of its file, read when asked for. What is neither F32, F16 nor BF16 is
    offered as F32."""

    entry: TensorEntry
    file: MappedFile

    @property
    def shape(self) -> tuple[int, ...]:
        return self.entry.shape

    @property
    def form(self) -> str:
        return self.entry.dtype if self.entry.dtype in _AS_STORED else "F32"

    def floats(self) -> Floats:
        numbers = self._stored.view(_LAYOUTS[self.entry.dtype])
        if self.entry.dtype == _BF16:
            return (numbers.astype(np.uint32) << 16).view(np.float32).reshape(self.shape)
        return numbers.astype(np.float32).reshape(self.shape)

    def raw(self) -> Bytes:
        as_is = self.entry.dtype in _AS_STORED
        stored = self._stored if as_is else self.floats().reshape(-1).view(np.uint8)
        return stored.reshape(math.prod(self.shape[:-1]), -1)

    @property
    def _stored(self) -> Bytes:
        return self.file.view(self.entry.start, self.entry.end)


class SafetensorsFile:
    """`tensors` by name. They keep the file mapped. `header`: the texts that whoever wrote it put in front."""

    def __init__(
        self, path: Path, file: MappedFile, entries: list[TensorEntry], header: Mapping[str, str]
    ) -> None:
        self.path = path
        self.header = header
        self.tensors: Mapping[str, SafetensorsTensor] = MappingProxyType(
            {entry.name: SafetensorsTensor(entry, file) for entry in entries}
        )

    @staticmethod
    def open(path: Path) -> "SafetensorsFile":
        """Raises ModelError: "weights_missing" without a file, "checkpoint_invalid" for a malformed one."""
        if not path.is_file():
            raise ModelError("weights_missing", f"{path} does not exist")
        size = path.stat().st_size
        if size < _LENGTH_BYTES:
            raise _invalid(path, "header length", f"needs {_LENGTH_BYTES} bytes, the file has {size}")
        file = MappedFile(path)
        raw = file.whole
        length = int.from_bytes(bytes(raw[:_LENGTH_BYTES]), "little")
        if length > min(size - _LENGTH_BYTES, _MAX_HEADER):
            raise _invalid(path, "header length", f"{length} is past the file's {size} bytes")
        data_start = _LENGTH_BYTES + length
        header = _header(path, bytes(raw[_LENGTH_BYTES:data_start]))
        entries = [_entry(path, name, value, data_start) for name, value in header.items() if name != _TEXTS]
        _check_ranges(path, entries, data_start, size)
        return SafetensorsFile(path, file, entries, _texts(path, header.get(_TEXTS)))


def _invalid(path: Path, place: str, problem: str) -> ModelError:
    return ModelError("checkpoint_invalid", f"{path.name}: {place} {problem}")


def _header(path: Path, text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise _invalid(path, "header", "is not JSON") from None
    if not isinstance(header, dict):
        raise _invalid(path, "header", "is not a JSON object")
    return header


def _texts(path: Path, value: object) -> Mapping[str, str]:
    if value is None:
        return MappingProxyType({})
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise _invalid(path, _TEXTS, "isn't an object of texts")
    return MappingProxyType(value)


def _entry(path: Path, name: str, value: object, data_start: int) -> TensorEntry:
    place = f"tensor {name}"
    if not isinstance(value, dict) or value.get("dtype") not in _LAYOUTS:
        raise _invalid(path, place, "has no known dtype")
    shape, offsets = _whole_numbers(value.get("shape")), _whole_numbers(value.get("data_offsets"))
    if shape is None or offsets is None or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _invalid(path, place, "has no valid shape and data_offsets")
    needed = math.prod(shape) * np.dtype(_LAYOUTS[value["dtype"]]).itemsize
    if needed != offsets[1] - offsets[0]:
        raise _invalid(path, place, f"needs {needed} bytes, its range has {offsets[1] - offsets[0]}")
    return TensorEntry(name, shape, value["dtype"], data_start + offsets[0], data_start + offsets[1])


def _whole_numbers(value: object) -> tuple[int, ...] | None:
    if isinstance(value, list) and all(type(item) is int and item >= 0 for item in value):
        return tuple(value)
    return None


def _check_ranges(path: Path, entries: list[TensorEntry], data_start: int, size: int) -> None:
    """The tensors must tile the data exactly, as the format demands: no gap, no overlap, no rest."""
    edges = [(data_start, data_start), *sorted((entry.start, entry.end) for entry in entries), (size, size)]
    for (_, end), (start, _) in pairwise(edges):
        if start != end:
            raise _invalid(path, f"data at byte {end}", f"does not go on where the next begins, {start}")
