"""BERT checkpoints in Hugging Face layout (`model_type = bert`, mean pooling) to our encoder."""

from pathlib import Path

import torch
from torch import Tensor

from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.checkpoints.safetensors_file import SafetensorsFile
from secretariat.models.errors import ModelError
from secretariat.models.nets.config import EncoderConfig

_REQUIRED = {"model_type": "bert", "hidden_act": "gelu"}
_UNUSED = ("pooler.dense.weight", "pooler.dense.bias", "embeddings.position_ids")
_LAYER = {
    "out": "attention.output.dense",
    "mixer_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "feed_forward_norm": "output.LayerNorm",
}


def encoder_config(directory: Path) -> EncoderConfig:
    """From config.json. Raises ModelError("checkpoint_invalid") for what changes the maths unsupported."""
    path = directory / "config.json"
    values = read_json(path)
    for key, wanted in _REQUIRED.items():
        if values.get(key) != wanted:
            raise _invalid(path, f"{key} is {values.get(key)!r}, only {wanted!r} is supported")
    if values.get("position_embedding_type", "absolute") != "absolute":
        raise _invalid(path, "position_embedding_type is not absolute")
    pooling = directory / "1_Pooling" / "config.json"
    if not read_json(pooling).get("pooling_mode_mean_tokens"):
        raise _invalid(pooling, "pooling is not the mean over tokens")
    try:
        return EncoderConfig(
            vocab=int(values["vocab_size"]),
            width=int(values["hidden_size"]),
            layers=int(values["num_hidden_layers"]),
            heads=int(values["num_attention_heads"]),
            hidden=int(values["intermediate_size"]),
            positions=int(values["max_position_embeddings"]),
            token_types=int(values["type_vocab_size"]),
            norm_eps=float(values["layer_norm_eps"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _invalid(path, f"lacks or misstates {error}") from error


def encoder_state(file: SafetensorsFile, config: EncoderConfig) -> dict[str, Tensor]:
    """Our state dict in float32. Refuses missing and unknown tensors; shapes are checked on assignment."""
    used: set[str] = set()

    def read(name: str) -> Tensor:
        used.add(name)
        if name not in file.tensors:
            raise _invalid(file.path, f"tensor {name} is missing")
        return torch.from_numpy(file.tensors[name].floats())

    state = {
        "words.weight": read("embeddings.word_embeddings.weight"),
        "positions.weight": read("embeddings.position_embeddings.weight"),
        "token_types.weight": read("embeddings.token_type_embeddings.weight"),
    }
    for part in ("weight", "bias"):
        state[f"norm.{part}"] = read(f"embeddings.LayerNorm.{part}")
        for index in range(config.layers):
            theirs = f"encoder.layer.{index}"
            ours = f"layers.{index}"
            qkv = [read(f"{theirs}.attention.self.{which}.{part}") for which in ("query", "key", "value")]
            state[f"{ours}.qkv.{part}"] = torch.cat(qkv)
            for our_name, their_name in _LAYER.items():
                state[f"{ours}.{our_name}.{part}"] = read(f"{theirs}.{their_name}.{part}")
    if unknown := sorted(file.tensors.keys() - used - set(_UNUSED)):
        raise _invalid(file.path, f"tensor {unknown[0]} has no place in a BERT encoder")
    return state


def _invalid(path: Path, problem: str) -> ModelError:
    return ModelError("checkpoint_invalid", f"{path.name}: {problem}")
