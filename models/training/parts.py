"""The kinds of part that learn: low-rank pairs, singular-value vectors, weights, a recipe's own tensors.

Shape letters: O outputs, I inputs, R rank or directions.
"""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from secretariat.models.adapters.files import SETTINGS, VECTOR, WEIGHTS
from secretariat.models.adapters.lora import LEAST_COVERAGE
from secretariat.models.adapters.modules import Place, mixer_matrices, place_of
from secretariat.models.adapters.svf import save_vector
from secretariat.models.errors import ModelError
from secretariat.models.nets.adapters import Acts, Directions, Lora, LowRank, SvfBasis, SvfVector
from secretariat.models.nets.decoder import Decoder

TARGETS = (
    "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "in_proj", "x_proj", "out_proj",
)  # fmt: skip


class LoraPart:
    """Low-rank pairs (arXiv:2106.09685) on the matrices that `targets` name in checkpoints; rank-stabilised
    scaling (arXiv:2312.03732) with `rs`. Begins as nothing: up is zero.

    Raises ModelError("training_invalid") for a target that the network hasn't, and for targets that reach the
    mixers of less than LEAST_COVERAGE of the layers unless `partial`.
    """

    def __init__(
        self,
        decoder: Decoder,
        *,
        rank: int = 16,
        alpha: float = 32.0,
        rs: bool = False,
        targets: Sequence[str] = TARGETS,
        seed: int = 0,
        partial: bool = False,
        start: Lora | None = None,
    ) -> None:
        self.active = True
        self.acting_BT: Tensor | None = None  # where the pairs act; None: everywhere
        self.acts: Acts = "always"
        self.rank, self.alpha, self.rs = rank, alpha, rs
        self.targets = tuple(targets)
        self._decoder = decoder
        self._seed = seed
        self._start = start
        self.places = _targeted(decoder, self.targets)
        if not partial:
            _check_coverage(decoder, self.places)
        self._leaves: Mapping[str, Tensor] = {}

    @property
    def scale(self) -> float:
        return self.alpha / (math.sqrt(self.rank) if self.rs else self.rank)

    def initial(self) -> Mapping[str, Tensor]:
        draw = torch.Generator().manual_seed(self._seed)
        found: dict[str, Tensor] = {}
        for module, place in self.places.items():
            bound = 1 / math.sqrt(place.inputs)
            down_RI = (torch.rand(self.rank, place.inputs, generator=draw) * 2 - 1) * bound
            up_OR = torch.zeros(place.count, self.rank)
            if self._start is not None:
                down_RI, up_OR = self._started(place)
            found |= {f"{module}.lora_A.weight": down_RI, f"{module}.lora_B.weight": up_OR}
        return found

    def _started(self, place: Place) -> tuple[Tensor, Tensor]:
        assert self._start is not None
        for piece in self._start.pieces:
            if (piece.matrix, piece.first, len(piece.up_OR)) == (place.matrix, place.first, place.count):
                if len(piece.down_RI) != self.rank:
                    break
                return piece.down_RI, piece.up_OR / self.scale
        raise ModelError(
            "training_invalid",
            f"the adapter to begin with has no rank {self.rank} on {place.matrix}",
            param="learn",
        )

    def attach(self, leaves: Mapping[str, Tensor]) -> None:
        self._leaves = leaves
        by_matrix = defaultdict(list)
        for module, place in self.places.items():
            by_matrix[place.matrix].append(
                (place, leaves[f"{module}.lora_A.weight"], leaves[f"{module}.lora_B.weight"])
            )
        for matrix, pieces in by_matrix.items():
            pieces.sort(key=lambda piece: piece[0].first)
            self._decoder.get_submodule(matrix).register_forward_hook(self._hook(pieces))

    def _hook(self, pieces: Sequence[tuple[Place, Tensor, Tensor]]) -> Callable[..., Tensor | None]:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...], y: Tensor) -> Tensor | None:
            if not self.active:
                return None
            x = inputs[0]
            down_RI = torch.cat([down for _, down, _ in pieces]).to(x.dtype)
            up_OR = (_diagonal(pieces, y.shape[-1]) * self.scale).to(x.dtype)
            low = x.flatten(0, -2) @ down_RI.T
            if self.acting_BT is not None:
                low = low * self.acting_BT.flatten()[:, None].to(low.dtype)
            return y.flatten(0, -2).addmm(low, up_OR.T).view_as(y)

        return hook

    def synchronise(self) -> None:
        """The hooks read the leaves."""

    def adapter(self, name: str) -> Lora:
        pieces = tuple(
            LowRank(
                place.matrix,
                place.first,
                self._leaves[f"{module}.lora_A.weight"].detach().clone(),
                self._leaves[f"{module}.lora_B.weight"].detach() * self.scale,
            )
            for module, place in self.places.items()
        )
        return Lora(name, "", pieces, self.acts)

    def changes(self) -> dict[str, Tensor]:
        """As a folder of changes has them: `down` and `up` of each module, in bfloat16, the scale in `up`."""
        found: dict[str, Tensor] = {}
        for module in self.places:
            down_RI, up_OR = (
                self._leaves[f"{module}.{half}.weight"].detach() for half in ("lora_A", "lora_B")
            )
            found |= {f"{module}.down": down_RI.bfloat16(), f"{module}.up": (up_OR * self.scale).bfloat16()}
        return found

    def save(self, folder: Path) -> None:
        """PEFT's layout."""
        save_file(
            {f"base_model.model.{name}": leaf.detach().contiguous() for name, leaf in self._leaves.items()},
            folder / WEIGHTS,
        )
        settings = {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "r": self.rank,
            "lora_alpha": self.alpha,
            "use_rslora": self.rs,
            "lora_dropout": 0.0,
            "bias": "none",
            "target_modules": sorted({module.rpartition(".")[2] for module in self.places}),
            **({} if self.acts == "always" else {"acts": self.acts}),
        }
        (folder / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def _diagonal(pieces: Sequence[tuple[Place, Tensor, Tensor]], outputs: int) -> Tensor:
    """[O, R of all]: each piece's up on its own rows and its own columns."""
    blocks, filled = [], 0
    for place, _, up_OR in pieces:
        blocks += [up_OR.new_zeros(place.first - filled, 0), up_OR]
        filled = place.first + place.count
    blocks.append(pieces[0][2].new_zeros(outputs - filled, 0))
    joined: Tensor = torch.block_diag(*(block for block in blocks if len(block)))  # type: ignore[no-untyped-call]
    return joined


def _targeted(decoder: Decoder, targets: Iterable[str]) -> dict[str, Place]:
    """By the module's name in checkpoints."""
    found = {}
    for target in targets:
        for layer in range(len(decoder.config.layers)):
            module = f"model.layers.{layer}.{_parent(target)}.{target}"
            if (place := place_of(module, decoder.config)) is not None:
                found[module] = place
    known = {module.rpartition(".")[2] for module in found}
    if unknown := [target for target in targets if target not in known and target not in TARGETS]:
        raise ModelError("training_invalid", f"this model has no {unknown[0]} to adapt", param="learn")
    return found


def _parent(target: str) -> str:
    if target in {"q_proj", "k_proj", "v_proj", "o_proj", "Wqkv"}:
        return "self_attn"
    return "mamba" if target in {"in_proj", "x_proj", "dt_proj", "out_proj"} else "mlp"


def _check_coverage(decoder: Decoder, places: Mapping[str, Place]) -> None:
    touched = {place.matrix for place in places.values()}
    mixers = [mixer_matrices(layer, decoder.config) for layer in range(len(decoder.config.layers))]
    mixers = [matrices for matrices in mixers if matrices]
    covered = sum(bool(matrices & touched) for matrices in mixers)
    if covered < LEAST_COVERAGE * len(mixers):
        raise ModelError(
            "training_invalid",
            f"the targets reach the mixers of {covered} of {len(mixers)} layers: on hybrids"
            " name in_proj and out_proj too, or say with partial that a part is meant",
            param="learn",
        )


class SvfPart:
    """A singular-value vector (arXiv:2501.06252) over `basis`: factors of the leading singular values, one for the
    rest and one for the whole of each matrix. Begins at one everywhere: the network as it is."""

    def __init__(self, decoder: Decoder, basis: SvfBasis, *, start: SvfVector | None = None) -> None:
        self.active = True
        self.acting_BT: Tensor | None = None  # where the vector acts; None: everywhere
        self.acts: Acts = "always"
        self._decoder = decoder
        self._basis = basis
        self._start = start
        self._leaves: Mapping[str, Tensor] = {}

    def initial(self) -> Mapping[str, Tensor]:
        count, directions = len(self._basis.directions), len(self._basis.directions[0].sigma_R)
        if self._start is None:
            return {"z": torch.ones(count, directions), "rest": torch.ones(count), "scale": torch.ones(count)}
        return {
            "z": torch.tensor([factors.tolist() for factors in self._start.z]),
            "rest": torch.tensor(self._start.rest),
            "scale": torch.tensor(self._start.scale),
        }

    def attach(self, leaves: Mapping[str, Tensor]) -> None:
        self._leaves = leaves
        by_matrix = defaultdict(list)
        for number, part in enumerate(self._basis.directions):
            by_matrix[part.matrix].append(_Numbered(number, part, self._decoder.dtype))
        for matrix, parts in by_matrix.items():
            self._decoder.get_submodule(matrix).register_forward_hook(self._hook(parts))

    def _hook(self, parts: Sequence["_Numbered"]) -> Callable[..., Tensor | None]:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...], y: Tensor) -> Tensor | None:
            if not self.active:
                return None
            x, filled, found = inputs[0], 0, []
            for part in parts:
                found.append(y[..., filled : part.first])
                filled = part.first + part.count
                found.append(self._changed(part, x, y[..., part.first : filled]))
            changed = torch.cat((*found, y[..., filled:]), dim=-1)
            if self.acting_BT is None:
                return changed
            return torch.where(self.acting_BT.reshape(*y.shape[:-1], 1), changed, y)

        return hook

    def _changed(self, part: "_Numbered", x: Tensor, y: Tensor) -> Tensor:
        z_R, rest, scale = (self._leaves[name][part.number] for name in ("z", "rest", "scale"))
        gains_R = (scale * part.sigma_R * (z_R - rest)).to(x.dtype)
        return y * (scale * rest).to(x.dtype) + (x @ part.v_IR * gains_R) @ part.u_OR.T

    def synchronise(self) -> None:
        """The hooks read the leaves."""

    def adapter(self, name: str) -> SvfVector:
        z, rest, scale = (self._leaves[key].detach().float().numpy() for key in ("z", "rest", "scale"))
        return SvfVector(
            name, "", self._basis.digest,
            tuple(z.copy()), tuple(map(float, rest)), tuple(map(float, scale)), self.acts,
        )  # fmt: skip

    def save(self, folder: Path) -> None:
        save_vector(self.adapter(folder.name), folder / VECTOR)


class _Numbered:
    """Directions with their place in a vector, in the network's numbers."""

    def __init__(self, number: int, part: Directions, dtype: torch.dtype) -> None:
        self.number, self.first, self.count = number, part.first, part.count
        self.u_OR, self.v_IR = part.u_OR.to(dtype), part.v_IR.to(dtype)
        self.sigma_R = part.sigma_R


class WeightsPart:
    """Weights of the network themselves, those whose names `chosen` takes. The network works with copies in
    `dtype`, the masters stay wide.

    `off` has no meaning here: the weights are what they are.
    """

    def __init__(
        self, decoder: Decoder, chosen: Callable[[str], bool], *, dtype: torch.dtype | None = None
    ) -> None:
        self.active = True
        self._decoder = decoder
        self._dtype = dtype or decoder.dtype
        self._chosen = [name for name in _names(decoder) if chosen(name)]
        self._leaves: Mapping[str, Tensor] = {}
        self._copies: dict[str, nn.Parameter] = {}

    def initial(self) -> Mapping[str, Tensor]:
        return {name: self._decoder.get_parameter(name).detach() for name in self._chosen}

    def attach(self, leaves: Mapping[str, Tensor]) -> None:
        self._leaves = leaves
        for name, leaf in leaves.items():
            copy = nn.Parameter(leaf.detach().to(self._dtype, copy=True))
            copy.register_post_accumulate_grad_hook(_collecting(leaf))  # type: ignore[no-untyped-call]
            _put(self._decoder, name, copy)
            self._copies[name] = copy

    def synchronise(self) -> None:
        with torch.no_grad():
            for name, copy in self._copies.items():
                copy.copy_(self._leaves[name])

    def adapter(self, name: str) -> None:  # noqa: ARG002 - a part's signature
        return None

    def save(self, folder: Path) -> None:
        """`weights.safetensors`, under our names, in the network's numbers."""
        tensors = {name: copy.detach().contiguous() for name, copy in self._copies.items()}
        save_file(tensors, folder / "weights.safetensors")


def _names(decoder: Decoder) -> list[str]:
    """Of all weights; a head that is the embedding goes by the embedding's."""
    names = [name for name, _ in decoder.named_parameters(remove_duplicate=False)]
    names.insert(0, "embedding.weight") if "embedding.weight" not in names else None
    return [name for name in names if not (name == "head.weight" and decoder.config.tied_embeddings)]


def _put(decoder: Decoder, name: str, copy: nn.Parameter) -> None:
    module, _, last = name.rpartition(".")
    setattr(decoder.get_submodule(module), last, copy)
    if name == "embedding.weight" and decoder.config.tied_embeddings:
        decoder.head.weight = copy


def _collecting(leaf: Tensor) -> Callable[[Tensor], None]:
    """Sums of many rows' gradients need the leaf's width."""

    def collect(copy: Tensor) -> None:
        assert leaf.grad is not None
        assert copy.grad is not None
        leaf.grad += copy.grad
        copy.grad = None

    return collect


@dataclass
class OwnPart:
    """Tensors that a recipe brings and uses itself: `leaves` once attached. `file` is where they are saved."""

    tensors: Mapping[str, Tensor]
    file: str
    active: bool = True
    leaves: Mapping[str, Tensor] | None = None

    def initial(self) -> Mapping[str, Tensor]:
        return self.tensors

    def attach(self, leaves: Mapping[str, Tensor]) -> None:
        self.leaves = leaves

    def synchronise(self) -> None:
        """The recipe reads the leaves."""

    def adapter(self, name: str) -> Any:  # noqa: ARG002 - a part's signature
        return None

    def save(self, folder: Path) -> None:
        assert self.leaves is not None
        save_file(
            {name: leaf.detach().contiguous() for name, leaf in self.leaves.items()}, folder / self.file
        )
