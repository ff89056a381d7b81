"""What learns of a network: float32 masters over weights that are narrower, and how they get into the network.

Owns the one flat buffer that the optimizer steps and a state stores. Knows nothing of losses and of steps.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate, pairwise
from math import prod
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from secretariat.models.errors import ModelError
from secretariat.models.nets.adapters import Adapter
from secretariat.models.nets.norm import wide

_ALIGNED = 16  # numbers: each tensor begins on a cache line, in every process alike


class Part(Protocol):
    """Some tensors that learn and their way into the network. `active` False: the network is as without them."""

    active: bool

    def initial(self) -> Mapping[str, Tensor]:
        """The tensors by names of their own, as they begin."""
        ...

    def attach(self, leaves: Mapping[str, Tensor]) -> None:
        """Once. `leaves`: of the same names, in float32 or wider; their `grad` is there and is added to."""
        ...

    def synchronise(self) -> None:
        """After the leaves changed."""
        ...

    def adapter(self, name: str) -> Adapter | None:
        """As a network takes it, from the leaves as they are; None for what is no adapter."""
        ...

    def save(self, folder: Path) -> None:
        """The files that others read, into a folder that is there."""
        ...


class Masters:
    """Named leaves of autograd, all views of `values`; their gradients are views of `gradients`.

    `matrices` are the places of `values` that belong to tensors of two dimensions or more.
    """

    def __init__(self, initial: Mapping[str, Tensor]) -> None:
        dtype = wide(next(iter(initial.values())).dtype)
        sizes = [-(-prod(tensor.shape) // _ALIGNED) * _ALIGNED for tensor in initial.values()]
        starts = [0, *accumulate(sizes)]
        self.values = torch.zeros(starts[-1], dtype=dtype)
        self.gradients = torch.zeros_like(self.values)
        self.named: dict[str, Tensor] = {}
        self.matrices: list[slice] = []
        self.count = sum(prod(tensor.shape) for tensor in initial.values())
        for (name, tensor), (start, stop) in zip(initial.items(), pairwise(starts), strict=True):
            own = slice(start, start + prod(tensor.shape))
            self.values[own] = tensor.detach().to(dtype).flatten()
            leaf = self.values[own].view(tensor.shape).detach().requires_grad_()
            leaf.grad = self.gradients[own].view(tensor.shape)
            self.named[name] = leaf
            if tensor.dim() > 1:
                self.matrices.append(slice(start, stop))


class Learnt:
    """`parts` of one network that learn together, over one set of masters."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = tuple(parts)
        initial: dict[str, Tensor] = {}
        for part in parts:
            own = part.initial()
            assert not own.keys() & initial.keys(), "two parts share a name"
            initial |= own
        if not initial:
            raise ModelError("training_invalid", "nothing would learn", param="learn")
        self.masters = Masters(initial)
        for part in parts:
            part.attach({name: self.masters.named[name] for name in part.initial()})
        self.synchronise()

    def synchronise(self) -> None:
        """After `masters.values` changed."""
        for part in self.parts:
            part.synchronise()

    @contextmanager
    def off(self) -> Iterator[None]:
        """The network as it was before anything was learnt, where parts add to it."""
        for part in self.parts:
            part.active = False
        try:
            yield
        finally:
            for part in self.parts:
                part.active = True

    def adapter(self, name: str) -> Adapter:
        """The one adapter among the parts. Raises ModelError("training_invalid") without one."""
        for part in self.parts:
            if (found := part.adapter(name)) is not None:
                return found
        raise ModelError("training_invalid", "what learns here is no adapter", param="learn")

    def save(self, folder: Path) -> None:
        """Every part's files. The folder is there."""
        for part in self.parts:
            part.save(folder)
