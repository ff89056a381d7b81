"""What exactly answered, as callers record it: enough to run it again and get the same bits."""

from importlib.metadata import version

import torch

from secretariat.models.core import ModelIdentity
from secretariat.models.nets.load import WeightsIdentity
from secretariat.models.nets.network import Arithmetic


def identity_of(
    weights: WeightsIdentity, arithmetic: Arithmetic | None = None, kv: str | None = None
) -> ModelIdentity:
    """`arithmetic` None: plain torch, whose sums depend on its version and threads. `kv`: the numbers that keys
    and values are kept in, where there are any."""
    ours = f"secretariat/{version('secretariat')}"
    if arithmetic is None or arithmetic.backend == "torch":
        ours += f" torch/{torch.__version__}"
    if arithmetic is None:
        return ModelIdentity(
            weights.name, weights.weights_sha256, ours, torch.get_num_threads(), weights.dtype
        )
    ours += f" {arithmetic.backend}/{arithmetic.isa}{' exact' if arithmetic.exact else ''}"
    if kv is not None:
        ours += f" kv/{kv}"
    return ModelIdentity(weights.name, weights.weights_sha256, ours, arithmetic.threads, arithmetic.weights)
