"""Experts that were trained apart as one network: a mixture, what of it learns, and the folder that is served.

Of each expert's adapter the feed-forwards' pairs become that expert's changes, which a router chooses by token;
the mixers' pairs are averaged into one that all tokens share (as arXiv:2403.07816 averages whole weights). Owns
the names in the folder's files. Knows no data and no losses.

Shape letters: X experts, O outputs, I inputs, R rank, K all ranks of a sum.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from secretariat.models.adapters.modules import Place
from secretariat.models.nets.adapters import Lora
from secretariat.models.nets.architectures.secretariat_h import mixture
from secretariat.models.nets.checkpoint import MIXTURE, Checkpoint
from secretariat.models.nets.config import DecoderConfig, LowRankMoeSpec
from secretariat.models.nets.decoder import Decoder
from secretariat.models.nets.expert_changes import expert_tensors
from secretariat.models.training.changes import Base, save_changes
from secretariat.models.training.job import invalid
from secretariat.models.training.parts import LoraPart, WeightsPart

MIXERS = ("q_proj", "k_proj", "v_proj", "o_proj", "in_proj", "out_proj")
_ROUTER = ".router.weight"

Pair = tuple[Tensor, Tensor]
"""down [R, I] and up [O, R], the scale in up."""


@dataclass(frozen=True)
class Expert:
    """`lora` None: it begins without changes, as the base."""

    name: str
    lora: Lora | None


@dataclass(frozen=True, kw_only=True)
class Shape:
    """`top` experts for a token, changes of `rank` each; `shared_rank` of the mixers' pairs."""

    top: int
    rank: int
    shared_rank: int


def made_mixture(dense: Decoder, experts: Sequence[Expert], shape: Shape, *, seed: int) -> Decoder:
    """Shares `dense`'s weights; changes are the experts', routers are zero.

    Raises ModelError: "checkpoint_invalid" for a base or a shape that can't be mixed, "training_invalid" for an
    adapter of which a part would be lost.
    """
    config = mixture(dense.config, _fields(experts, shape))
    for expert in experts:
        _check(expert, config)
    draw = torch.Generator().manual_seed(seed)
    state = dict(dense.state_dict())
    for _, name, (count, *sizes) in expert_tensors(config):
        if name.endswith(_ROUTER):
            state[name] = torch.zeros(count, *sizes, dtype=dense.dtype)
    for at, place in _changed(config):
        pairs = [joined(_pairs(expert, place), shape.rank, place, draw) for expert in experts]
        state[f"{at}.downs"] = torch.stack([down_RI for down_RI, _ in pairs]).to(dense.dtype)
        state[f"{at}.ups"] = torch.stack([up_OR.T for _, up_OR in pairs]).to(dense.dtype)
    with torch.device("meta"):
        decoder = Decoder(config)
    decoder.load_state_dict(state, assign=True)
    return decoder.requires_grad_(requires_grad=False).eval()


def joined(pairs: Sequence[Pair], rank: int, place: Place, draw: torch.Generator) -> Pair:
    """One pair of `rank` for the sum of `pairs`: as close as that rank allows. What it doesn't need of its rank
    begins as nothing, as a new adapter does."""
    spare = (torch.rand(rank, place.inputs, generator=draw) * 2 - 1) / math.sqrt(place.inputs)
    down_KI = torch.cat([*(down for down, _ in pairs), spare[:0]])
    up_OK = torch.cat([*(up for _, up in pairs), torch.zeros(place.count, 0)], dim=1)
    filled = len(down_KI)
    if filled <= rank:
        up_OR = torch.cat((up_OK, torch.zeros(place.count, rank - filled)), dim=1)
        return torch.cat((down_KI, spare[filled:])), up_OR
    q_up, r_up = torch.linalg.qr(up_OK.double())
    q_down, r_down = torch.linalg.qr(down_KI.T.double())
    left, sigma, right = torch.linalg.svd(r_up @ r_down.T)
    root_R = sigma[:rank].sqrt()
    down_RI = root_R[:, None] * (right[:rank] @ q_down.T)
    return down_RI.float(), (q_up @ left[:, :rank] * root_R).float()


class MixturePart:
    """Routers, changes and the mixers' shared pairs of a network that `made_mixture` made. `off` means nothing."""

    def __init__(
        self, decoder: Decoder, checkpoint: Checkpoint, directory: Path, experts: Sequence[Expert], shape: Shape,
        *, seed: int,
    ) -> None:  # fmt: skip
        self.active = True
        self._experts, self._shape, self._seed = experts, shape, seed
        self._config = decoder.config
        self._base = Base.of(checkpoint, directory)
        rank = shape.shared_rank
        self._shared = LoraPart(decoder, rank=rank, alpha=2.0 * rank, targets=MIXERS, seed=seed, partial=True)
        self._own = WeightsPart(decoder, lambda name: ".experts." in name or name.endswith(_ROUTER))
        self._leaves: Mapping[str, Tensor] = {}

    def initial(self) -> Mapping[str, Tensor]:
        found = {name: leaf for part in self._parts() for name, leaf in part.initial().items()}
        draw = torch.Generator().manual_seed(self._seed)
        for module, place in self._shared.places.items():
            pairs = [
                (down_RI, up_OR / len(self._experts))
                for expert in self._experts
                for down_RI, up_OR in _pairs(expert, place)
            ]
            down_RI, up_OR = joined(pairs, self._shared.rank, place, draw)
            found[f"{module}.lora_A.weight"] = down_RI
            found[f"{module}.lora_B.weight"] = up_OR / self._shared.scale
        return found

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
        """The mixture as a folder beside its base: pairs in bfloat16, routers as they are."""
        leaves = {name: leaf.detach() for name, leaf in self._leaves.items()}
        tensors = self._shared.changes()
        for theirs, ours, _ in expert_tensors(self._config):
            tensors[theirs] = leaves[ours] if ours.endswith(_ROUTER) else leaves[ours].bfloat16()
        fields = {"deltas": MIXTURE, **_fields(self._experts, self._shape)}
        save_changes(folder / MIXTURE, self._base, tensors, fields)

    def _parts(self) -> Sequence[LoraPart | WeightsPart]:
        return self._shared, self._own


def _fields(experts: Sequence[Expert], shape: Shape) -> dict[str, object]:
    """As config.json of the architecture says it."""
    return {
        "moe_experts": [expert.name for expert in experts],
        "moe_top": shape.top,
        "moe_rank": shape.rank,
    }


def _changed(config: DecoderConfig) -> Iterator[tuple[str, Place]]:
    """Where each layer's changes are among our weights, and what matrix they change."""
    for number, layer in enumerate(config.layers):
        spec = layer.feed_forward
        assert isinstance(spec, LowRankMoeSpec)
        at, width, hidden = f"layers.{number}.feed_forward", config.width, spec.mlp.hidden
        yield f"{at}.experts.gate", Place(f"{at}.gate_up", 0, hidden, width)
        yield f"{at}.experts.up", Place(f"{at}.gate_up", hidden, hidden, width)
        yield f"{at}.experts.down", Place(f"{at}.down", 0, width, hidden)


def _pairs(expert: Expert, place: Place) -> list[Pair]:
    """What the expert's adapter adds to these rows."""
    found = []
    for piece in expert.lora.pieces if expert.lora is not None else ():
        first = place.first - piece.first
        if piece.matrix == place.matrix and first >= 0 and first + place.count <= len(piece.up_OR):
            found.append((piece.down_RI, piece.up_OR[first : first + place.count]))
    return found


def _check(expert: Expert, config: DecoderConfig) -> None:
    known = {place.matrix for _, place in _changed(config)}
    known |= {
        f"layers.{number}.mixers.{index}.{matrix}"
        for number, layer in enumerate(config.layers)
        for index in range(len(layer.mixers))
        for matrix in ("qkv", "out", "in_proj", "out_proj")
    }
    touched = {piece.matrix for piece in expert.lora.pieces} if expert.lora is not None else set()
    if stray := touched - known:
        raise invalid("experts", f"{expert.name} changes {min(stray)}, which would be lost")
