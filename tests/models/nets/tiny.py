"""Small random networks of every kind, and how to run sequences through them."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np
import torch

from secretariat.models.nets.batch import Run, StepBatch
from secretariat.models.nets.config import (
    AttentionSpec,
    DecoderConfig,
    LayerSpec,
    Mamba1Spec,
    Mamba2Spec,
    MlpSpec,
    MoeSpec,
    NormSpec,
    RopeSpec,
    RouterSpec,
)
from secretariat.models.nets.decoder import Decoder, TorchNetwork
from secretariat.models.nets.memory import MemorySize
from secretariat.models.nets.network import Network

# past float32 states, for numbers around 1
assert_close = partial(torch.testing.assert_close, rtol=1e-5, atol=1e-5)
assert_exact = partial(torch.testing.assert_close, rtol=1e-9, atol=1e-9)
VOCAB = 97
WIDTH = 48
NORM = NormSpec()
ATTENTION = AttentionSpec(heads=6, kv_heads=2, head_dim=8, rope=RopeSpec(1000.0, 8))
MAMBA1 = Mamba1Spec(inner=40, state=5, conv=4, dt_rank=3, norms="weighted")
MAMBA2 = Mamba2Spec(heads=4, head_dim=6, state=7, groups=2, conv=4)
MLP = MlpSpec(40)
MOE = MoeSpec(24, RouterSpec(experts=5, top=2, renormalise=1.0), shared_hidden=16)


def config(*layers: LayerSpec, **changes) -> DecoderConfig:
    return DecoderConfig(VOCAB, WIDTH, layers, NORM, 256, tied_embeddings=False, **changes)


KINDS = {
    "attention": config(*[LayerSpec((ATTENTION,), MLP, NORM)] * 2),
    "mamba1": config(*[LayerSpec((MAMBA1,), None, NORM)] * 2),
    "mamba2": config(*[LayerSpec((MAMBA2,), None, NORM)] * 2),
    "jamba": config(LayerSpec((MAMBA1,), MLP, NORM), LayerSpec((ATTENTION,), MOE, NORM)),
    "granite": config(
        LayerSpec((MAMBA2,), MOE, NORM, residual=0.5),
        LayerSpec((ATTENTION,), MLP, NORM, residual=0.5),
        embedding_scale=3.0,
        logits_scale=0.25,
    ),
    "falcon": config(
        *[LayerSpec((ATTENTION, MAMBA2), MLP, NORM, mixer_scales=(0.5, 2.0), mixer_inputs=(1.5, 0.7))] * 2
    ),
}


def random_decoder(shape: DecoderConfig, seed: int = 0, std: float = 0.08) -> Decoder:
    """Weights whose states forget at many speeds: what trained networks have and default initialisation hasn't."""
    decoder = Decoder(shape)
    draw = torch.Generator().manual_seed(seed)
    for name, parameter in decoder.named_parameters():
        noise = torch.randn(parameter.shape, generator=draw)
        if name.endswith(("dt_bias", "dt_proj.bias")):
            parameter.copy_(torch.rand(parameter.shape, generator=draw) * 3 - 4)
        elif name.endswith("A_log"):
            parameter.copy_(noise)
        elif name.endswith("conv.weight"):
            parameter.copy_(noise * 0.5)
        elif (parameter.dim() == 1 and "norm" in name) or name.endswith("D"):
            parameter.copy_(1 + noise * 0.3)
        else:
            parameter.copy_(noise * std)
    return decoder


def network(
    kind: str | DecoderConfig, *, pages: int = 16, slots: int = 8, std: float = 0.3, seed: int = 0
) -> TorchNetwork:
    """In float64, so that only a wrong state shows. Recurrent states are kept in float32 all the same."""
    shape = KINDS[kind] if isinstance(kind, str) else kind
    built = TorchNetwork(random_decoder(shape, seed, std).double())
    built.allocate(MemorySize(pages, slots, torch.float64))
    return built


def first_layer(net: TorchNetwork):
    return net.decoder.layers[0]


def random_tokens(count: int, seed: int = 0):
    return np.random.default_rng(seed).integers(VOCAB, size=count).tolist()


def pages(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


def batch(*work: tuple[Run, Sequence[int]]) -> StepBatch:
    """Runs with the tokens they bring; all logits are wanted."""
    for run, tokens in work:
        assert run.count == len(tokens)
    flat = np.array([token for _, tokens in work for token in tokens], np.int32)
    return StepBatch(flat, tuple(run for run, _ in work), np.arange(len(flat), dtype=np.int32))


def feed(
    net: Network,
    tokens: Sequence[int],
    own: np.ndarray,
    *,
    start: int = 0,
    cuts: Sequence[int] = (),
    slot: int = 1,
    held: bool = False,
) -> torch.Tensor:
    """Logits [T, V] of tokens `start` … of a sequence, cut into steps before the positions `cuts`."""
    rows = [
        net.forward(batch((Run(a, b - a, own, slot=slot, held=held), tokens[a - start : b - start]))).clone()
        for a, b in pairwise([start, *cuts, start + len(tokens)])
    ]
    return torch.cat(rows)
