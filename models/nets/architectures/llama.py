"""Llama-family GGUF files (`general.architecture = llama`) to our decoder."""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from secretariat.models.checkpoints.gguf_file import GgufFile
from secretariat.models.checkpoints.quants import Bytes, Floats
from secretariat.models.errors import ModelError
from secretariat.models.kernels.quantised_linear.reference import Q4_1, Q8_0, PackedRows
from secretariat.models.nets.config import AttentionSpec, DecoderConfig, LayerSpec, MlpSpec

Number = TypeVar("Number", np.float32, np.uint8)
_PACKED_FORMS = {"Q4_1": Q4_1, "Q8_0": Q8_0}
_UNSUPPORTED = ("llama.expert_count", "llama.rope.scaling.type", "llama.attention.sliding_window")


def decoder_config(file: GgufFile) -> DecoderConfig:
    """Raises ModelError("checkpoint_invalid") for what would change the maths and isn't supported."""
    metadata = file.metadata
    if (architecture := metadata.get("general.architecture")) != "llama":
        raise _invalid(file, f"general.architecture is {architecture!r}, only llama is supported")
    for key in _UNSUPPORTED:
        if metadata.get(key) not in (None, 0, "none"):
            raise _invalid(file, f"{key} = {metadata[key]!r} is not supported")
    width, heads = _whole(file, "embedding_length"), _whole(file, "attention.head_count")
    head_dim = _whole(file, "attention.key_length", width // heads)
    if _whole(file, "rope.dimension_count", head_dim) != head_dim:
        raise _invalid(file, "llama.rope.dimension_count differs from the head width")
    try:
        attention = AttentionSpec(
            heads=heads,
            kv_heads=_whole(file, "attention.head_count_kv", heads),
            head_dim=head_dim,
            rope_theta=_real(file, "rope.freq_base", 10000.0),
        )
    except ValueError as error:
        raise _invalid(file, str(error)) from error
    layer = LayerSpec(attention, MlpSpec(_whole(file, "feed_forward_length")))
    return DecoderConfig(
        vocab=_rows(file, "token_embd.weight"),
        width=width,
        layers=(layer,) * _whole(file, "block_count"),
        norm_eps=_real(file, "attention.layer_norm_rms_epsilon"),
        context_length=_whole(file, "context_length"),
        tied_embeddings="output.weight" not in file.tensors,
    )


def decoder_state(file: GgufFile, config: DecoderConfig, dtype: torch.dtype) -> dict[str, Tensor]:
    """Our state dict in `dtype`, dequantised. Refuses missing, misshapen and unknown tensors."""
    reader = _Reader(file, dtype)
    state = {"embedding.weight": reader.tensor("token_embd.weight", config.vocab, config.width)}
    for index, spec in enumerate(config.layers):
        state |= _layer_state(reader, index, spec, config.width)
    state["norm.weight"] = reader.tensor("output_norm.weight", config.width)
    if config.tied_embeddings:
        state["head.weight"] = state["embedding.weight"]
    else:
        state["head.weight"] = reader.tensor("output.weight", config.vocab, config.width)
    if unknown := sorted(file.tensors.keys() - reader.used):
        raise _invalid(file, f"tensor {unknown[0]} has no place in a llama decoder")
    return state


def packed_rows(file: GgufFile, config: DecoderConfig) -> dict[str, PackedRows]:
    """Our linear layers, by name, as blocks of the file, wherever the kernel knows their format."""
    sources = {"head": ["token_embd.weight" if config.tied_embeddings else "output.weight"]}
    for index in range(len(config.layers)):
        theirs, ours = f"blk.{index}", f"layers.{index}"
        sources[f"{ours}.mixer.qkv"] = [f"{theirs}.attn_{which}.weight" for which in "qkv"]
        sources[f"{ours}.mixer.out"] = [f"{theirs}.attn_output.weight"]
        sources[f"{ours}.feed_forward.gate_up"] = [f"{theirs}.ffn_{w}.weight" for w in ("gate", "up")]
        sources[f"{ours}.feed_forward.down"] = [f"{theirs}.ffn_down.weight"]
    return {
        name: PackedRows(form, torch.from_numpy(np.concatenate([_packed(file, config, n) for n in names])))
        for name, names in sources.items()
        if (form := _common_form(file, names)) is not None
    }


def _common_form(file: GgufFile, names: list[str]) -> int | None:
    forms = {file.tensors[name].form.name for name in names}
    return _PACKED_FORMS.get(forms.pop()) if len(forms) == 1 else None


def _packed(file: GgufFile, config: DecoderConfig, name: str) -> Bytes:
    rows = file.packed(name)
    heads = {"attn_q": config.layers[0].mixer.heads, "attn_k": config.layers[0].mixer.kv_heads}
    part = name.split(".")[-2]
    return _half_split(rows, heads[part]) if part in heads else rows


def _layer_state(reader: "_Reader", index: int, spec: LayerSpec, width: int) -> Mapping[str, Tensor]:
    attention, hidden = spec.mixer, spec.feed_forward.hidden
    theirs, ours = f"blk.{index}", f"layers.{index}"
    query, key = (
        _half_split(reader.floats(f"{theirs}.attn_{which}.weight", heads * attention.head_dim, width), heads)
        for which, heads in (("q", attention.heads), ("k", attention.kv_heads))
    )
    value = reader.floats(f"{theirs}.attn_v.weight", attention.kv_heads * attention.head_dim, width)
    gate_up = [reader.floats(f"{theirs}.ffn_{which}.weight", hidden, width) for which in ("gate", "up")]
    return {
        f"{ours}.mixer_norm.weight": reader.tensor(f"{theirs}.attn_norm.weight", width),
        f"{ours}.mixer.qkv.weight": reader.join([query, key, value]),
        f"{ours}.mixer.out.weight": reader.tensor(
            f"{theirs}.attn_output.weight", width, attention.heads * attention.head_dim
        ),
        f"{ours}.feed_forward_norm.weight": reader.tensor(f"{theirs}.ffn_norm.weight", width),
        f"{ours}.feed_forward.gate_up.weight": reader.join(gate_up),
        f"{ours}.feed_forward.down.weight": reader.tensor(f"{theirs}.ffn_down.weight", width, hidden),
    }


def _half_split(weight: npt.NDArray[Number], heads: int) -> npt.NDArray[Number]:
    """GGUF stores the rotated pairs of a head side by side; ours lie half a head apart."""
    rows, width = weight.shape
    pairs = weight.reshape(heads, rows // heads // 2, 2, width)
    return np.ascontiguousarray(pairs.swapaxes(1, 2)).reshape(rows, width)


class _Reader:
    """Reads tensors of a known shape and remembers which were used."""

    def __init__(self, file: GgufFile, dtype: torch.dtype) -> None:
        self._file = file
        self._dtype = dtype
        self.used: set[str] = set()

    def floats(self, name: str, *shape: int) -> Floats:
        entry = self._file.tensors.get(name)
        if entry is not None and entry.shape != shape:
            raise _invalid(self._file, f"tensor {name} has shape {entry.shape}, not {shape}")
        self.used.add(name)
        return self._file.read(name)

    def tensor(self, name: str, *shape: int) -> Tensor:
        return torch.from_numpy(self.floats(name, *shape)).to(self._dtype)

    def join(self, parts: list[Floats]) -> Tensor:
        return torch.from_numpy(np.concatenate(parts)).to(self._dtype)


def _whole(file: GgufFile, key: str, default: int | None = None) -> int:
    value = file.metadata.get(f"llama.{key}", default)
    if type(value) is not int or value <= 0:
        raise _invalid(file, f"llama.{key} is {value!r}, not a positive whole number")
    return value


def _real(file: GgufFile, key: str, default: float | None = None) -> float:
    value = file.metadata.get(f"llama.{key}", default)
    if not isinstance(value, float) or not value > 0:
        raise _invalid(file, f"llama.{key} is {value!r}, not a positive number")
    return value


def _rows(file: GgufFile, name: str) -> int:
    if name not in file.tensors:
        raise _invalid(file, f"tensor {name} is missing")
    return file.tensors[name].shape[0]


def _invalid(file: GgufFile, problem: str) -> ModelError:
    return ModelError("checkpoint_invalid", f"{file.path.name}: {problem}")
