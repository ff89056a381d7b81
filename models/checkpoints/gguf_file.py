"""Reads GGUF version 2 and 3 files: metadata at once, tensors on demand from a memory map.

Every length and offset in the file is checked before it is used; a file that lies is refused with
ModelError("checkpoint_invalid") naming the place. Knows nothing of what the tensors mean.
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from secretariat.models.checkpoints.mapped_file import MappedFile
from secretariat.models.checkpoints.quants import FORMATS, Bytes, Floats, Format, dequantise
from secretariat.models.errors import ModelError

Scalar = int | float | bool | str
Value = Scalar | list[Scalar]

_SCALARS: Mapping[int, struct.Struct] = MappingProxyType(
    {
        code: struct.Struct(f"<{letter}")
        for code, letter in {
            0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
        }.items()
    }
)  # fmt: skip
_STRING = 8
_ARRAY = 9
_U32 = _SCALARS[4]
_U64 = _SCALARS[10]
_DEFAULT_ALIGNMENT = 32
_MAX_DIMENSIONS = 4


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """`shape` has the slowest dimension first; `start` counts bytes from the beginning of the file."""

    name: str
    shape: tuple[int, ...]
    format: Format
    start: int

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) // self.format.block_weights * self.format.block_bytes


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """A `Source`: blocks in the map of its file, read when asked for."""

    entry: TensorEntry
    file: MappedFile

    @property
    def shape(self) -> tuple[int, ...]:
        return self.entry.shape

    @property
    def form(self) -> str:
        return self.entry.format.name

    def floats(self) -> Floats:
        return dequantise(self.entry.format, self._blocks).reshape(self.shape)

    def raw(self) -> Bytes:
        return self._blocks.reshape(math.prod(self.shape[:-1]), -1)

    @property
    def _blocks(self) -> Bytes:
        return self.file.view(self.entry.start, self.entry.start + self.entry.bytes)


class GgufFile:
    """`metadata` and `tensors` by name. The tensors keep the file mapped."""

    def __init__(
        self, path: Path, file: MappedFile, metadata: dict[str, Value], entries: list[TensorEntry]
    ) -> None:
        self.path = path
        self.metadata: Mapping[str, Value] = MappingProxyType(metadata)
        self.tensors: Mapping[str, GgufTensor] = MappingProxyType(
            {entry.name: GgufTensor(entry, file) for entry in entries}
        )

    @staticmethod
    def open(path: Path) -> "GgufFile":
        """Raises ModelError: "weights_missing" without a file, "checkpoint_invalid" for a malformed one."""
        if not path.is_file():
            raise ModelError("weights_missing", f"{path} does not exist")
        if path.stat().st_size == 0:
            raise ModelError("checkpoint_invalid", f"{path.name}: the file is empty")
        file = MappedFile(path)
        cursor = _Cursor(path.name, file.whole)
        if cursor.take(4, "magic") != b"GGUF":
            raise cursor.invalid("magic", "is not GGUF")
        if (version := cursor.number(_U32, "version")) not in (2, 3):
            raise cursor.invalid("version", f"{version} is not 2 or 3")
        tensor_count = int(cursor.number(_U64, "tensor count"))
        metadata = _read_metadata(cursor, int(cursor.number(_U64, "metadata count")))
        return GgufFile(path, file, metadata, _read_entries(cursor, tensor_count, metadata))


class _Cursor:
    """A position in the file; everything read is bounded by the file's end."""

    def __init__(self, name: str, raw: Bytes) -> None:
        self.name = name
        self.at = 0
        self._raw: memoryview = raw.data

    @property
    def size(self) -> int:
        return len(self._raw)

    def invalid(self, place: str, problem: str) -> ModelError:
        return ModelError("checkpoint_invalid", f"{self.name}: {place} at byte {self.at} {problem}")

    def take(self, count: int, place: str) -> bytes:
        if count > self.size - self.at:
            raise self.invalid(place, f"needs {count} bytes, the file has {self.size - self.at} left")
        self.at += count
        return bytes(self._raw[self.at - count : self.at])

    def number(self, layout: struct.Struct, place: str) -> int | float | bool:
        value: int | float | bool = layout.unpack(self.take(layout.size, place))[0]
        return value

    def string(self, place: str) -> str:
        data = self.take(int(self.number(_U64, place)), place)
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise self.invalid(place, "is not UTF-8") from None


def _read_metadata(cursor: _Cursor, count: int) -> dict[str, Value]:
    metadata: dict[str, Value] = {}
    for index in range(count):
        key = cursor.string(f"metadata key {index}")
        if key in metadata:
            raise cursor.invalid(f"metadata key {key}", "occurs twice")
        metadata[key] = _read_value(cursor, int(cursor.number(_U32, key)), key)
    return metadata


def _read_value(cursor: _Cursor, code: int, key: str) -> Value:
    if code != _ARRAY:
        return _read_scalar(cursor, code, key)
    item_code, count = int(cursor.number(_U32, key)), int(cursor.number(_U64, key))
    if item_code in _SCALARS:
        layout = _SCALARS[item_code]
        return list(struct.unpack(f"<{count}{layout.format[1:]}", cursor.take(count * layout.size, key)))
    return [_read_scalar(cursor, item_code, key) for _ in range(count)]


def _read_scalar(cursor: _Cursor, code: int, key: str) -> Scalar:
    if code == _STRING:
        return cursor.string(key)
    if code not in _SCALARS:
        raise cursor.invalid(key, f"has the unknown value type {code}")
    return cursor.number(_SCALARS[code], key)


def _read_entries(cursor: _Cursor, count: int, metadata: Mapping[str, Value]) -> list[TensorEntry]:
    drafts = [_read_entry(cursor, index) for index in range(count)]
    alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
    if not isinstance(alignment, int) or alignment <= 0 or alignment % 8:
        raise cursor.invalid("general.alignment", f"{alignment!r} is not a positive multiple of 8")
    data_start = -(-cursor.at // alignment) * alignment
    entries = []
    seen: set[str] = set()
    for draft in drafts:
        entry = TensorEntry(draft.name, draft.shape, draft.format, data_start + draft.start)
        if draft.start % alignment:
            raise cursor.invalid(f"tensor {entry.name}", f"begins at {draft.start}, off its alignment")
        if entry.start + entry.bytes > cursor.size:
            raise cursor.invalid(
                f"tensor {entry.name}", f"ends at {entry.start + entry.bytes}, past the file"
            )
        if entry.name in seen:
            raise cursor.invalid(f"tensor {entry.name}", "occurs twice")
        seen.add(entry.name)
        entries.append(entry)
    return entries


def _read_entry(cursor: _Cursor, index: int) -> TensorEntry:
    """An entry whose `start` still counts from the beginning of the tensor data."""
    name = cursor.string(f"name of tensor {index}")
    place = f"tensor {name}"
    dimensions = int(cursor.number(_U32, place))
    if not 1 <= dimensions <= _MAX_DIMENSIONS:
        raise cursor.invalid(place, f"has {dimensions} dimensions")
    fastest_first = [int(cursor.number(_U64, place)) for _ in range(dimensions)]
    code = int(cursor.number(_U32, place))
    if code not in FORMATS:
        known = ", ".join(form.name for form in FORMATS.values())
        raise cursor.invalid(place, f"has the number format {code}; known are {known}")
    form = FORMATS[code]
    if 0 in fastest_first or fastest_first[0] % form.block_weights:
        raise cursor.invalid(place, f"has rows of {fastest_first[0]}, no whole blocks of {form.name}")
    return TensorEntry(name, tuple(reversed(fastest_first)), form, start=int(cursor.number(_U64, place)))
