"""What lays out a program: buffers, weights by name, and the operations that every layer shares.

One file a mixer and a feed-forward beside this one adds its own operations. Knows no engine.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from secretariat.models.kernels.library import Program
from secretariat.models.kernels.linear.cpu import add_linear
from secretariat.models.kernels.linear.packing import Form, Packed, kept_form, pack
from secretariat.models.kernels.norm.cpu import add_norm
from secretariat.models.kernels.rotary.cpu import Turning
from secretariat.models.kernels.untouched import untouched
from secretariat.models.nets.config import NormSpec, RopeSpec
from secretariat.models.nets.memory import Memory
from secretariat.models.nets.native.adapters import NativeAdapters
from secretariat.models.nets.weights import Bytes, Source, Weights, held_as

_KEPT_AT_8_BITS = (".x_proj.weight", ".dt_proj.weight")  # small, and what they give is exponentiated


def asked_form(name: str, form: Form) -> Form:
    """What the matrix called `name` is held in where `form` is asked for."""
    return "q8" if form == "q4" and name.endswith(_KEPT_AT_8_BITS) else form


def pack_weight(weights: Weights, name: str, form: Form | None) -> Packed:
    """In panels as the operations read it: gate and up of experts are matrices of their own."""
    source = weights[name]
    form = kept_form(held_as(source)) if form is None else asked_form(name, form)
    return pack(_Halves(source) if name.endswith(".experts.gate_up.weight") else source, form)


@dataclass(frozen=True, slots=True)
class _Halves:
    """Gate and up of each expert [X, 2 F, E] as matrices of their own [X, 2, F, E]."""

    source: Source

    @property
    def shape(self) -> tuple[int, ...]:
        experts, rows, width = self.source.shape
        return experts, 2, rows // 2, width

    @property
    def form(self) -> str:
        return self.source.form

    def raw(self) -> Bytes:
        return self.source.raw()


@dataclass
class Builder:
    """`tokens`: the most of one step, the height of every buffer. `form` None keeps each matrix as stored.

    `packed`: matrices packed before. `turnings`: the rotations that `add_rotary_tables` has laid out.
    """

    program: Program
    weights: Weights
    memory: Memory
    tokens: int
    form: Form | None = None
    adapters: NativeAdapters | None = None
    packed: dict[str, Packed] = field(default_factory=dict)
    turnings: dict[RopeSpec, Turning] = field(default_factory=dict)
    _buffers: dict[str, Tensor] = field(default_factory=dict)

    def buffer(self, name: str, width: int) -> Tensor:
        """Scratch [tokens, width] float32, shared by all who ask for this name and width."""
        key = f"{name}:{width}"
        if key not in self._buffers:
            self._buffers[key] = untouched(self.tokens, width)
        return self._buffers[key]

    def vector(self, name: str) -> Tensor:
        return torch.from_numpy(self.weights[name].floats())

    def optional(self, name: str) -> Tensor | None:
        return self.vector(name) if name in self.weights else None

    def matrix(self, name: str) -> Packed:
        """The weight called `name`, in panels; packed once however often it is used."""
        if name not in self.packed:
            self.packed[name] = pack_weight(self.weights, name, self.form)
        return self.packed[name]

    def linear(
        self, name: str, x_NI: Tensor, y_NO: Tensor, *, add: float | None = None, scale: float = 1.0
    ) -> None:
        """y = scale · (x Wᵀ + b), or y += add · (x Wᵀ + b). `name` without `.weight`; the bias is optional.

        With whatever the adapters of a step's runs do to it, where the network makes room for adapters.
        """
        packed, bias_O = self.matrix(f"{name}.weight"), self.optional(f"{name}.bias")
        adapters = self.adapters
        if adapters is not None and adapters.weighs(name):
            adapters.weigh(self.program, name, packed, x_NI, y_NO, bias=bias_O, add=add, scale=scale)
        else:
            add_linear(self.program, packed, x_NI, y_NO, bias=bias_O, add=add, scale=scale)
        if adapters is not None:
            adapters.follow(self.program, name, x_NI, y_NO, add=scale if add is None else add)

    def norm(
        self,
        name: str,
        x_NE: Tensor,
        y_NE: Tensor,
        spec: NormSpec,
        *,
        scale: float = 1.0,
        wanted: bool = False,
    ) -> None:
        """y = scale · norm(x). `wanted`: of the rows whose logits the step wants, packed together in `y`."""
        weight_E = scale * (self.vector(f"{name}.weight") + (1.0 if spec.one_plus else 0.0))
        add_norm(self.program, x_NE, y_NE, weight_E, eps=spec.eps, mean=spec.kind == "layer", wanted=wanted)
