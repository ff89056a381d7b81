"""Adapters refuse by name what they don't understand, and understand every published layout of tensors."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from secretariat.models.errors import ModelError
from secretariat.models.nets.architectures.gguf import _half_split
from secretariat.models.nets.checkpoint import Checkpoint, open_checkpoint
from tests.models.nets.families import family


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("layouts")


@pytest.fixture
def copied(folder, tmp_path):
    """A copy of a family's files that a test may spoil."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(family(name, folder).directory, tmp_path / name))

    return copy


def change(directory: Path, **fields: object) -> None:
    path = directory / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def refusal(directory: Path) -> str:
    with pytest.raises(ModelError) as caught:
        open_checkpoint(directory)
    assert caught.value.code == "checkpoint_invalid"
    return caught.value.message


ONE_OF_EACH = ["llama", "mistral", "qwen2", "qwen3", "mixtral", "olmoe", "jamba", "mamba", "mamba2", "granite",
               "dbrx", "cohere", "cohere2"]  # fmt: skip


@pytest.mark.parametrize("name", ONE_OF_EACH)
@pytest.mark.parametrize("value", [2.0, 0, False, {"a": 1}])
def test_a_field_that_nobody_knows_is_refused_by_name(copied, name, value):
    directory = copied(name)
    change(directory, mystery=value)
    assert "mystery" in refusal(directory)
    change(directory, mystery=None)
    open_checkpoint(directory)


@pytest.mark.parametrize(
    ("name", "fields", "named"),
    [
        ("llama", {"hidden_act": "relu"}, "hidden_act = 'relu'"),
        ("llama", {"quantization_config": {"bits": 4}}, "quantization_config"),
        ("llama", {"rope_parameters": {"rope_type": "other", "rope_theta": 1e4}}, "rope_type = 'other'"),
        ("llama", {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4}}, "rope_parameters.factor"),
        ("llama", {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "twist": 2}}, "twist = 2"),
        ("llama", {"rope_theta": 5.0}, "rope_theta = 5.0, but rope_parameters say 10000"),
        ("llama", {"num_attention_heads": "6"}, "num_attention_heads = '6'"),
        ("llama", {"num_key_value_heads": 4}, "do not divide"),
        ("llama", {"hidden_size": None}, "lacks hidden_size"),
        ("llama", {"model_type": "gpt2"}, "model_type 'gpt2'"),
        ("llama", {"vocab_size": 98}, "embed_tokens.weight has shape"),
        ("llama", {"num_hidden_layers": 3}, "layers.2.input_layernorm.weight is missing"),
        ("llama", {"num_hidden_layers": 1}, "layers.1.input_layernorm.weight has no place"),
        ("qwen2", {"layer_types": ["full_attention", "chunked_attention"]}, "chunked_attention"),
        ("olmoe", {"clip_qkv": 8.0}, "clip_qkv = 8.0"),
        ("jamba", {"sliding_window": 4}, "sliding_window = 4"),
        ("mamba", {"expand": 3}, "intermediate_size = 96, not 144"),
        ("mamba2", {"norm_before_gate": True}, "norm_before_gate = True"),
        ("mamba2", {"time_step_limit": [0.0]}, "time_step_limit"),
        ("granite", {"position_embedding_type": "alibi"}, "position_embedding_type = 'alibi'"),
        ("granite", {"mamba_d_head": 5}, "mamba_d_head = 5"),
        ("dbrx", {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4}}, "rope_theta is 50000"),
        ("dbrx", {"ffn_config": {"ffn_act_fn": {"name": "relu"}}}, "name = 'relu'"),
        ("cohere2", {"rotary_pct": 0.5}, "rotary_pct = 0.5"),
    ],
)  # fmt: skip
def test_what_would_change_the_maths_is_refused_by_name(copied, name, fields, named):
    directory = copied(name)
    change(directory, **fields)
    assert named in refusal(directory)


def same(ours: Checkpoint, other: Checkpoint) -> None:
    assert ours.config == other.config
    assert ours.weights.keys() == other.weights.keys()
    for name, source in ours.weights.items():
        np.testing.assert_array_equal(source.floats(), other.weights[name].floats(), err_msg=name)


FUSED = {
    "mixtral": ("block_sparse_moe", "mlp", ("w1", "w3", "w2")),
    "olmoe": ("mlp", "mlp", ("gate_proj", "up_proj", "down_proj")),
    "jamba": ("feed_forward", "feed_forward", ("gate_proj", "up_proj", "down_proj")),
}


@pytest.mark.parametrize("name", FUSED)
def test_experts_fused_as_transformers_holds_them_are_the_same(copied, name):
    directory = copied(name)
    before, path = open_checkpoint(directory), directory / "model.safetensors"
    block, other, (gate, up, down) = FUSED[name]
    tensors = load_file(path)
    for at in {key.split(f"{block}.experts.")[0] for key in tensors if f"{block}.experts." in key}:
        old, new = f"{at}{block}.experts.", f"{at}{other}.experts."
        experts = range(1 + max(int(key.split(".")[-3]) for key in tensors if key.startswith(old)))
        gates, ups, downs = (
            np.stack([tensors.pop(f"{old}{index}.{part}.weight") for index in experts])
            for part in (gate, up, down)
        )
        tensors[f"{new}gate_up_proj"] = np.concatenate([gates, ups], axis=1)
        tensors[f"{new}down_proj"] = downs
        if block != other:
            tensors[f"{at}{other}.gate.weight"] = tensors.pop(f"{at}{block}.gate.weight")
    copy = directory.with_name("fused")
    copy.mkdir()
    shutil.copy(directory / "config.json", copy)
    save_file(tensors, copy / path.name)
    same(open_checkpoint(copy), before)


def test_a_checkpoint_in_shards_is_the_same(folder, tmp_path):
    made = family("granite", folder)
    tensors = load_file(made.directory / "model.safetensors")
    names = sorted(tensors)
    shards = {f"model-{part}-of-3.safetensors": names[part::3] for part in range(3)}
    for shard, held in shards.items():
        save_file({name: tensors[name] for name in held}, tmp_path / shard)
    weight_map = {name: shard for shard, held in shards.items() for name in held}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    shutil.copy(made.directory / "config.json", tmp_path)
    same(open_checkpoint(tmp_path), open_checkpoint(made.directory))


def test_older_words_for_rotary_positions_mean_the_same(copied):
    directory = copied("llama-linear")
    before = open_checkpoint(directory)
    change(directory, rope_parameters=None, rope_theta=100.0, rope_scaling={"type": "linear", "factor": 4.0})
    assert open_checkpoint(directory).config == before.config


def test_a_tied_head_that_was_saved_all_the_same_does_no_harm(copied):
    directory = copied("llama")
    path = directory / "model.safetensors"
    tensors = load_file(path)
    path.unlink()
    save_file({**tensors, "lm_head.weight": tensors["model.embed_tokens.weight"]}, path)
    opened = open_checkpoint(directory)
    assert opened.weights["head.weight"] is opened.weights["embedding.weight"]


def test_bfloat16_reaches_the_packer_as_it_is_stored(folder, tmp_path):
    """Stacked, reordered and transposed experts too: nothing goes through float32."""
    import torch
    from safetensors.torch import load_file as load_torch
    from safetensors.torch import save_file as save_torch

    for name in ("dbrx", "mixtral", "granite", "mamba2"):
        made = family(name, folder).directory
        target = tmp_path / name
        target.mkdir()
        shutil.copy(made / "config.json", target)
        halved = {
            key: value.to(torch.bfloat16) for key, value in load_torch(made / "model.safetensors").items()
        }
        save_torch(halved, target / "model.safetensors")
        for key, source in open_checkpoint(target).weights.items():
            if len(source.shape) < 2 or key.endswith("conv.weight"):
                continue
            assert source.form == "BF16", key
            bits = source.raw().reshape(-1).view(np.uint16).astype(np.uint32) << 16
            np.testing.assert_array_equal(
                bits.view(np.float32).reshape(source.shape), source.floats(), err_msg=key
            )


def test_rotary_pairs_of_gguf_rows_come_apart():
    assert _half_split(2, 6).tolist() == [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]
