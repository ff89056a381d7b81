"""Weights as a checkpoint offers them: named, shaped, not read before somebody asks.

Names are those of our modules: see docs in `architectures/`. Knows no file format and no network.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

_ELEMENT_BYTES = {
    "F32": 4,
    "F16": 2,
    "BF16": 2,
}  # forms without blocks: their numbers can be moved one by one


class Source(Protocol):
    """One tensor. `form` is GGUF's name of its number format: F32, F16, BF16, Q4_0, Q4_1, Q8_0, Q4_K, Q6_K."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def form(self) -> str: ...

    def floats(self) -> Floats:
        """All of it, dequantised, float32 in `shape`."""
        ...

    def raw(self) -> Bytes:
        """The stored bytes, [rows, bytes of a row], rows being all but the last dimension."""
        ...


Weights = Mapping[str, Source]


@dataclass(frozen=True, slots=True)
class Values:
    """Numbers at hand as a Source."""

    array: Floats

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def form(self) -> str:
        return "F32"

    def floats(self) -> Floats:
        return self.array

    def raw(self) -> Bytes:
        rows = int(np.prod(self.array.shape[:-1]))
        return np.ascontiguousarray(self.array).view(np.uint8).reshape(rows, -1)


@dataclass(frozen=True, slots=True)
class Computed:
    """Numbers that are worked out of others whenever they are asked for. `held`: GGUF's name of the format that
    keeps them as closely as what they were made of."""

    shape: tuple[int, ...]
    held: str
    make: Callable[[], Floats]

    @property
    def form(self) -> str:
        return "F32"

    def floats(self) -> Floats:
        return self.make()

    def raw(self) -> Bytes:
        return Values(self.make()).raw()


@dataclass(frozen=True, slots=True)
class Joined:
    """Matrices of equal width, one under the other. Mixed forms are read as floats (`form` F32)."""

    parts: Sequence[Source]

    @property
    def shape(self) -> tuple[int, ...]:
        return (sum(part.shape[0] for part in self.parts), *self.parts[0].shape[1:])

    @property
    def form(self) -> str:
        forms = {part.form for part in self.parts}
        return forms.pop() if len(forms) == 1 else "F32"

    def floats(self) -> Floats:
        return np.concatenate([part.floats() for part in self.parts])

    def raw(self) -> Bytes:
        if len({part.form for part in self.parts}) > 1:
            return Values(self.floats()).raw()
        return np.concatenate([part.raw() for part in self.parts])


@dataclass(frozen=True, slots=True)
class Stacked:
    """Equal matrices as the leading dimension of one tensor: experts."""

    parts: Sequence[Source]

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.parts), *self.parts[0].shape)

    @property
    def form(self) -> str:
        return Joined(self.parts).form

    def floats(self) -> Floats:
        return Joined(self.parts).floats().reshape(self.shape)

    def raw(self) -> Bytes:
        return Joined(self.parts).raw()


def held_as(source: Source) -> str:
    """GGUF's name of the format that keeps `source` closely: its own, and 8 bits where parts are quantised in
    several formats."""
    match source:
        case Joined() | Stacked():
            forms = {held_as(part) for part in source.parts}
            if len(forms) > 1:
                return "F32" if forms & _ELEMENT_BYTES.keys() else "Q8_0"
            return forms.pop()
        case Reordered():
            return held_as(source.source)
        case Computed():
            return source.held
    return source.form


@dataclass(frozen=True, slots=True)
class Reordered:
    """A matrix with its rows in another order."""

    source: Source
    rows: npt.NDArray[np.intp]

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.rows), *self.source.shape[1:])

    @property
    def form(self) -> str:
        return self.source.form

    def floats(self) -> Floats:
        return self.source.floats()[self.rows]

    def raw(self) -> Bytes:
        return self.source.raw()[self.rows]


@dataclass(frozen=True, slots=True)
class Reshaped:
    """The same numbers in the same order under another shape. Rows of another length are read as floats."""

    source: Source
    shape: tuple[int, ...]

    @property
    def form(self) -> str:
        return self.source.form if self.shape[-1] == self.source.shape[-1] else "F32"

    def floats(self) -> Floats:
        return self.source.floats().reshape(self.shape)

    def raw(self) -> Bytes:
        if self.shape[-1] != self.source.shape[-1]:
            return Values(self.floats()).raw()
        return self.source.raw()


@dataclass(frozen=True, slots=True)
class Transposed:
    """[…, A, B] as […, B, A]."""

    source: Source

    @property
    def shape(self) -> tuple[int, ...]:
        *leading, rows, columns = self.source.shape
        return (*leading, columns, rows)

    @property
    def form(self) -> str:
        return self.source.form if self.source.form in _ELEMENT_BYTES else "F32"

    def floats(self) -> Floats:
        return np.ascontiguousarray(self.source.floats().swapaxes(-1, -2))

    def raw(self) -> Bytes:
        if self.source.form not in _ELEMENT_BYTES:
            return Values(self.floats()).raw()
        elements = self.source.raw().view(f"V{_ELEMENT_BYTES[self.source.form]}").reshape(self.source.shape)
        rows = int(np.prod(self.shape[:-1]))
        return np.ascontiguousarray(elements.swapaxes(-1, -2)).reshape(rows, -1).view(np.uint8)
