"""Which adapter reads which checkpoint."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol

from secretariat.models.errors import ModelError
from secretariat.models.nets.architectures import (
    cohere,
    dbrx,
    granite_hybrid,
    jamba,
    llama,
    mamba,
    mixtral,
    olmoe,
    qwen,
    secretariat_h,
)
from secretariat.models.nets.config import DecoderConfig
from secretariat.models.nets.weights import Source, Weights


class Adapter(Protocol):
    """A module of this folder."""

    def decoder_config(self, config: Mapping[str, Any]) -> DecoderConfig:
        """From config.json. Raises ModelError("checkpoint_invalid") naming a field that would change the maths and
        isn't supported."""
        ...

    def weights(self, tensors: Mapping[str, Source], config: DecoderConfig) -> Weights:
        """Under our names, nothing read yet. Raises ModelError("checkpoint_invalid") naming a tensor that is
        missing, misshapen or stray."""
        ...


ADAPTERS: Mapping[str, Adapter] = MappingProxyType(
    {
        "cohere": cohere,
        "cohere2": cohere,
        "dbrx": dbrx,
        "granitemoehybrid": granite_hybrid,
        "jamba": jamba,
        "llama": llama,
        "mamba": mamba,
        "mamba2": mamba,
        "mistral": llama,
        "mixtral": mixtral,
        "olmoe": olmoe,
        "qwen2": qwen,
        "qwen3": qwen,
        "secretariat_h": secretariat_h,
    }
)


def adapter_of(config: Mapping[str, Any]) -> Adapter:
    """By `model_type`. Raises ModelError("checkpoint_invalid") listing what there is."""
    kind = str(config.get("model_type"))
    if kind not in ADAPTERS:
        known = ", ".join(ADAPTERS)
        raise ModelError("checkpoint_invalid", f"model_type {kind!r} isn't supported; known are {known}")
    return ADAPTERS[kind]
