"""GGUF files of the dense families: the same weights as the checkpoint they were made from.

The converter here is written from llama.cpp's tables, not from our reader.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGUFWriter
from safetensors.numpy import load_file

from secretariat.models.errors import ModelError
from secretariat.models.nets.checkpoint import open_checkpoint, open_gguf
from secretariat.models.nets.config import LongRopeScaling
from tests.models.nets.families import VOCAB, family

NAMES = {
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("converted")


def converted(directory: Path, target: Path, extra: dict[str, np.ndarray] | None = None) -> Path:
    """A GGUF file of a Hugging Face checkpoint, in float32."""
    config = json.loads((directory / "config.json").read_text())
    kind, heads = config["model_type"], config["num_attention_heads"]
    writer = GGUFWriter(target, kind)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    if "head_dim" in config:
        writer.add_key_length(config["head_dim"])
        writer.add_value_length(config["head_dim"])
    writer.add_token_list([f"t{i}" for i in range(VOCAB)])
    for name, tensor in (load_file(directory / "model.safetensors") | (extra or {})).items():
        writer.add_tensor(*renamed(name, tensor, config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def renamed(name: str, tensor: np.ndarray, config: dict[str, Any]) -> tuple[str, np.ndarray]:
    whole = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
             "lm_head.weight": "output.weight"}  # fmt: skip
    if not name.startswith("model.layers."):
        return whole.get(name, name), tensor
    _, _, layer, part = name.split(".", 3)
    part, _, kind = part.rpartition(".")
    heads = {
        "self_attn.q_proj": config["num_attention_heads"],
        "self_attn.k_proj": config["num_key_value_heads"],
    }
    if config["model_type"] == "llama" and part in heads:
        width = tensor.shape[0] // heads[part]
        halves = tensor.reshape(heads[part], 2, width // 2, -1)
        tensor = halves.swapaxes(1, 2).reshape(tensor.shape)  # rotary pairs side by side
    return f"blk.{layer}.{NAMES[part]}.{kind}", np.ascontiguousarray(tensor)


@pytest.mark.parametrize("name", ["llama", "llama-linear", "qwen2", "qwen3"])
def test_a_converted_checkpoint_is_the_same(folder, tmp_path, name):
    directory = Path(shutil.copytree(family(name, folder).directory, tmp_path / name))
    config = json.loads((directory / "config.json").read_text())
    config["rms_norm_eps"] = 2.0**-20  # GGUF holds it in float32
    (directory / "config.json").write_text(json.dumps(config))
    original, ours = open_checkpoint(directory), open_gguf(converted(directory, tmp_path / "x.gguf"))
    assert ours.weights.keys() == original.weights.keys()
    for key, source in original.weights.items():
        np.testing.assert_array_equal(ours.weights[key].floats(), source.floats(), err_msg=key)
    if name in {"llama", "qwen3"}:  # the others need scaling or a window, which the converter leaves out
        assert ours.config == original.config


def test_factors_of_rotary_pairs_are_taken(folder, tmp_path):
    directory = family("llama", folder).directory
    factors = np.array([1.0, 1.0, 4.0, 8.0], np.float32)
    opened = open_gguf(converted(directory, tmp_path / "x.gguf", {"rope_freqs.weight": factors}))
    rope = opened.config.attentions()[0][2].rope
    assert rope is not None
    assert isinstance(rope.scaling, LongRopeScaling)
    assert rope.scaling.short == rope.scaling.long == (1.0, 1.0, 4.0, 8.0)


def test_a_stray_tensor_is_refused_by_name(folder, tmp_path):
    directory = family("llama", folder).directory
    path = converted(directory, tmp_path / "x.gguf", {"mystery.weight": np.ones(3, np.float32)})
    with pytest.raises(ModelError, match=r"x\.gguf: tensor mystery\.weight has no place"):
        open_gguf(path)


def test_another_architecture_is_refused_by_name(folder, tmp_path):
    directory = family("mistral", folder).directory
    with pytest.raises(
        ModelError, match="general.architecture 'mistral' isn't supported; known are llama, qwen2"
    ):
        open_gguf(converted(directory, tmp_path / "x.gguf"))
