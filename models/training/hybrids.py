"""A dense decoder made hybrid, what of it learns, and the folder that is served from what was learnt.

A chosen layer's attention sees a window and the sinks, and a Mamba-2 branch beside it remembers the rest. Owns the
names in the folder's files. Knows no data and no losses.

Shape letters: O outputs, I inputs, R rank, C channels, K taps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from secretariat.models.checkpoints.safetensors_file import SafetensorsFile
from secretariat.models.errors import ModelError
from secretariat.models.nets.architectures.secretariat_h import hybrid
from secretariat.models.nets.branch_start import branch_of
from secretariat.models.nets.checkpoint import DELTAS, Checkpoint
from secretariat.models.nets.config import AttentionSpec, DecoderConfig
from secretariat.models.nets.decoder import Decoder
from secretariat.models.nets.deltas import merged
from secretariat.models.training.changes import WEIGHTS, Base, save_changes
from secretariat.models.training.job import invalid
from secretariat.models.training.learnt import Learnt
from secretariat.models.training.parts import LoraPart, WeightsPart

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
BRANCH = ("in_proj", "out_proj")
_SMALL = {
    "conv.weight": "conv1d.weight",
    "conv.bias": "conv1d.bias",
    "dt_bias": "dt_bias",
    "A_log": "A_log",
    "D": "D",
}
_BESIDE = ".mixers.1."  # the branch, in our names of weights


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Which layers are hybrid, and how. No layers: the dense network itself, for its twin trained alike."""

    layers: tuple[int, ...]
    window: int = 256
    sinks: int = 4
    gate: str = "none"

    def fields(self, config: DecoderConfig) -> dict[str, Any]:
        """As config.json of the architecture says it."""
        (attention,) = config.layers[0].mixers
        assert isinstance(attention, AttentionSpec)
        branch = branch_of(attention)
        return {
            "hybrid_layers": list(self.layers),
            "window": self.window,
            "sinks": self.sinks,
            "mamba_heads": branch.heads,
            "mamba_head_dim": branch.head_dim,
            "mamba_state": branch.state,
            "mamba_groups": branch.groups,
            "mamba_conv": branch.conv,
            "mamba_gate": self.gate,
        }


def made_hybrid(dense: Decoder, checkpoint: Checkpoint, shape: Shape) -> Decoder:
    """Shares `dense`'s weights; branches begin as `nets/branch_start.py` says. Raises ModelError
    ("checkpoint_invalid") for a network that can't be made so."""
    if any(len(layer.mixers) != 1 or layer.order != "sequential" for layer in dense.config.layers):
        raise invalid("model", "isn't one attention a layer: only such a network can be made hybrid")
    config = hybrid(dense.config, shape.fields(dense.config))
    start = merged(checkpoint.weights, checkpoint.config, config, {})
    state = dict(dense.state_dict())
    with torch.device("meta"):
        decoder = Decoder(config)
    for name in decoder.state_dict():
        if name not in state:
            tensor = torch.from_numpy(start[name].floats())
            state[name] = tensor.to(dense.dtype) if name.endswith("proj.weight") else tensor
    decoder.load_state_dict(state, assign=True)
    return decoder.requires_grad_(requires_grad=False).eval()


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """Of low-rank pairs: on the branch, and on all that was there before; 0 there: the branch alone learns."""

    branch: int
    network: int


class HybridPart:
    """The pairs of a hybrid and the small tensors of its branches. Begins as `made_hybrid` does, or as `start`, a
    folder that this wrote.

    `branches` False: without what they add. Raises ModelError("training_invalid") for a start of other ranks and
    "checkpoint_invalid" for one of another base.
    """

    def __init__(
        self, decoder: Decoder, checkpoint: Checkpoint, directory: Path, shape: Shape, ranks: Ranks, *, seed: int,
        start: Path | None = None,
    ) -> None:  # fmt: skip
        self._active = True
        self._base = Base.of(checkpoint, directory)
        self._fields = shape.fields(checkpoint.config)
        self._start = {} if start is None else _read(start, self._base.digest)
        self.pairs: list[LoraPart] = []
        self._branch: LoraPart | None = None
        self._small: WeightsPart | None = None
        self._network: LoraPart | None = None
        if shape.layers:
            self._branch = _pairs(decoder, BRANCH, ranks.branch, seed)
            self.pairs.append(self._branch)
            self._small = WeightsPart(decoder, _is_small, dtype=torch.float32)
        if ranks.network:
            self._network = _pairs(decoder, ATTENTION, ranks.network, seed + 1)
            self.pairs.append(self._network)
        self._leaves: Mapping[str, Tensor] = {}

    @property
    def active(self) -> bool:
        return self._active

    @active.setter
    def active(self, value: bool) -> None:
        self._active = value
        for part in self.pairs:
            part.active = value

    @property
    def branches(self) -> bool:
        return self._branch is not None and self._branch.active

    @branches.setter
    def branches(self, value: bool) -> None:
        """A branch without its pair has a closed gate: it adds exact zeros."""
        if self._branch is not None:
            self._branch.active = value

    @property
    def network(self) -> bool:
        """Whether the pairs on what was there before act and learn."""
        return self._network is not None and self._network.active

    @network.setter
    def network(self, value: bool) -> None:
        if self._network is not None:
            self._network.active = value

    def initial(self) -> Mapping[str, Tensor]:
        begun = {name: tensor for part in self._parts() for name, tensor in part.initial().items()}
        given = self._of_start()
        for name, tensor in given.items():
            if name in begun and begun[name].shape != tensor.shape:
                raise invalid(
                    "learn.start", f"has {name} of {tuple(tensor.shape)}, not {tuple(begun[name].shape)}"
                )
        if lost := given.keys() - begun.keys():
            raise invalid("learn.start", f"has {min(lost)}, which wouldn't learn here and would be lost")
        return {**begun, **given}

    def attach(self, leaves: Mapping[str, Tensor]) -> None:
        self._leaves = leaves
        for part in self._parts():
            part.attach({name: leaves[name] for name in part.initial()})

    def synchronise(self) -> None:
        for part in self._parts():
            part.synchronise()

    def adapter(self, name: str) -> None:  # noqa: ARG002 - a part's signature
        return None

    def save(self, folder: Path) -> None:
        """The hybrid as a folder beside its base: pairs in bfloat16, small tensors as they are."""
        tensors = {name: tensor for part in self.pairs for name, tensor in part.changes().items()}
        for name, leaf in self._leaves.items():
            if _BESIDE in name:
                tensors[_theirs(name)] = leaf.detach()
        save_changes(folder / DELTAS, self._base, tensors, self._fields)

    def _parts(self) -> Sequence[LoraPart | WeightsPart]:
        return [*self.pairs, *([] if self._small is None else [self._small])]

    def _of_start(self) -> dict[str, Tensor]:
        """By our names of leaves."""
        scales = {module: part.scale for part in self.pairs for module in part.places}
        found = {}
        for name, tensor in self._start.items():
            module, _, half = name.rpartition(".")
            if half == "down":
                found[f"{module}.lora_A.weight"] = tensor
            elif half == "up":
                found[f"{module}.lora_B.weight"] = tensor / scales.get(module, 1.0)
            else:
                found[_ours(name)] = tensor.squeeze(1) if tensor.dim() == 3 else tensor
        return found


def change_into(dense: Decoder, checkpoint: Checkpoint, directory: Path, folder: Path) -> None:
    """The dense network becomes what a folder of its changes says; nothing of it learns. Raises ModelError as
    HybridPart, also for a folder that isn't dense."""
    changes = _read(folder, Base.of(checkpoint, directory).digest)
    ranks = Ranks(branch=0, network=next(len(one) for name, one in changes.items() if name.endswith(".down")))
    Learnt([HybridPart(dense, checkpoint, directory, Shape(layers=()), ranks, seed=0, start=folder)])


def _pairs(decoder: Decoder, targets: Sequence[str], rank: int, seed: int) -> LoraPart:
    return LoraPart(decoder, rank=rank, alpha=2.0 * rank, targets=targets, seed=seed, partial=True)


def _is_small(name: str) -> bool:
    return _BESIDE in name and name.partition(_BESIDE)[2] in _SMALL


def _theirs(name: str) -> str:
    at, _, own = name.partition(_BESIDE)
    return f"model.{at}.mamba.{_SMALL[own]}"


def _ours(name: str) -> str:
    at, _, own = name.removeprefix("model.").partition(".mamba.")
    back = {theirs: ours for ours, theirs in _SMALL.items()}
    return f"{at}{_BESIDE}{back[own]}"


def _read(folder: Path, digest: str) -> dict[str, Tensor]:
    file = SafetensorsFile.open(folder / DELTAS)
    if file.header.get(WEIGHTS) != digest:
        raise ModelError("checkpoint_invalid", f"{folder.name} was trained on another base than this one")
    return {name: torch.from_numpy(source.floats()) for name, source in file.tensors.items()}
