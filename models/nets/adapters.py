"""What an adapter changes, in the names of our matrices, and the rows that a running network holds them in.

Both backends take these; `models/adapters/` reads them from files. Knows no file format.

Shape letters: I inputs, O outputs, R rank or directions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from secretariat.models.errors import ModelError

Floats = npt.NDArray[np.float32]
Acts = Literal["always", "question", "answer"]
"""On every token; from what is asked about documents on; or only from the header of the answer on. The numbers of
the prompt before that are the base model's."""


def acts_from(acts: Acts, prompt: int, asked: int | None, header: int) -> int:
    """Where an adapter begins to act. `prompt`: tokens up to the answer; `asked`: as of a ChatPrompt; `header`:
    tokens of the template's opening of an answer."""
    if acts == "question" and asked is not None:
        return asked
    return 0 if acts == "always" else max(0, prompt - header)


@dataclass(frozen=True, slots=True)
class LowRank:
    """Adds up · (down · x) to rows `first` … of the matrix; the scale is in `up_OR`."""

    matrix: str
    first: int
    down_RI: Tensor
    up_OR: Tensor


@dataclass(frozen=True, slots=True)
class Lora:
    """arXiv:2106.09685. `digest`: SHA-256 of what was read, part of every prefix key and record."""

    name: str
    digest: str
    pieces: tuple[LowRank, ...]
    acts: Acts = "always"

    @property
    def rank(self) -> int:
        return max(len(piece.down_RI) for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Directions:
    """The leading singular directions of rows `first` … `first + count` of a matrix, as the network uses it."""

    matrix: str
    first: int
    count: int
    u_OR: Tensor
    sigma_R: Tensor
    v_IR: Tensor


@dataclass(frozen=True, slots=True)
class SvfBasis:
    """Shared by all vectors. A vector made over another basis would be noise: hence `digest`."""

    digest: str
    directions: tuple[Directions, ...]

    @property
    def width(self) -> int:
        """Numbers of one vector in a table: a factor and the gains of each matrix."""
        return sum(1 + len(part.sigma_R) for part in self.directions)


@dataclass(frozen=True, slots=True)
class SvfVector:
    """arXiv:2501.06252: for each of the basis's matrices the factors `z` of its leading singular values, one
    factor `rest` for all others and the whole's `scale`."""

    name: str
    digest: str
    basis: str
    z: tuple[Floats, ...]
    rest: tuple[float, ...]
    scale: tuple[float, ...]
    acts: Acts = "always"

    def row(self, basis: SvfBasis) -> Floats:
        """[basis.width]: what the table of a network holds for it. Raises ModelError adapter_invalid."""
        if self.basis != basis.digest:
            raise ModelError("adapter_invalid", f"{self.name} was made over another basis than is loaded")
        parts: list[npt.ArrayLike] = []
        for part, z, rest, scale in zip(basis.directions, self.z, self.rest, self.scale, strict=True):
            parts += [[scale * rest], scale * part.sigma_R.numpy() * (z - rest)]
        return np.concatenate(parts, dtype=np.float32)


Adapter = Lora | SvfVector


@dataclass(frozen=True, slots=True)
class AdapterPlan:
    """What a network makes room for: `rows` adapters beside the base model, LoRA up to `rank`, one SVF basis.

    A matrix has at most `pieces` low-rank pieces: three where q, k and v are one matrix.
    """

    rows: int
    rank: int = 0
    basis: SvfBasis | None = None
    pieces: int = 3


class AdapterRows(Protocol):
    """The adapters that a network holds. Row 0 is the base model. Change rows only between steps."""

    @property
    def plan(self) -> AdapterPlan: ...

    def set(self, row: int, adapter: Adapter) -> None:
        """Raises ModelError adapter_invalid for one that doesn't fit this network."""
        ...

    def clear(self, row: int) -> None: ...


def by_matrix(lora: Lora) -> Mapping[str, Sequence[LowRank]]:
    found: dict[str, list[LowRank]] = {}
    for piece in lora.pieces:
        found.setdefault(piece.matrix, []).append(piece)
    return found


def check_row(plan: AdapterPlan, row: int) -> None:
    if not 0 < row <= plan.rows:
        raise ModelError("adapter_invalid", f"row {row} of {plan.rows} adapters", param="adapter")


def check_rank(plan: AdapterPlan, lora: Lora) -> None:
    if lora.rank > plan.rank:
        raise ModelError(
            "adapter_invalid",
            f"{lora.name} has rank {lora.rank}, this server makes room for {plan.rank}: start it with a larger"
            " --adapter-rank",
            param="adapter",
        )


def basis_of(plan: AdapterPlan) -> SvfBasis:
    if plan.basis is None:
        raise ModelError(
            "adapter_invalid", "this server has no basis for singular-value vectors", param="adapter"
        )
    return plan.basis
