"""LoRA files in PEFT's layout: read into our matrices, refused where they would do less than they promise."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from secretariat.models.adapters.lora import read_lora
from secretariat.models.errors import ModelError
from secretariat.models.nets.config import (
    AttentionSpec,
    DecoderConfig,
    LayerSpec,
    Mamba2Spec,
    MlpSpec,
    NormSpec,
    RopeSpec,
)

_ATTENTION = LayerSpec((AttentionSpec(4, 2, 8, RopeSpec(1e4, 8)),), MlpSpec(40), NormSpec())
_MAMBA = LayerSpec((Mamba2Spec(4, 8, 16, 1, 4),), MlpSpec(40), NormSpec())
DENSE = DecoderConfig(64, 24, (_ATTENTION,) * 2, NormSpec(), 128, tied_embeddings=True)
HYBRID = DecoderConfig(64, 24, (_MAMBA, _MAMBA, _ATTENTION, _MAMBA), NormSpec(), 128, tied_embeddings=True)


def pair(module: str, outputs: int, inputs: int, rank: int = 4) -> dict[str, torch.Tensor]:
    name = f"base_model.model.model.{module}"
    return {
        f"{name}.lora_A.weight": torch.randn(rank, inputs),
        f"{name}.lora_B.weight": torch.randn(outputs, rank),
    }


def written(folder: Path, tensors: dict[str, torch.Tensor], **settings: object) -> Path:
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, **settings}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def attention_pairs(layer: int) -> dict[str, torch.Tensor]:
    shapes = {"q_proj": (32, 24), "v_proj": (16, 24), "o_proj": (24, 32)}
    return {
        k: v for m, shape in shapes.items() for k, v in pair(f"layers.{layer}.self_attn.{m}", *shape).items()
    }


def test_pieces_land_on_their_rows_with_the_scale_folded_in(tmp_path):
    tensors = attention_pairs(0) | attention_pairs(1)
    lora = read_lora(written(tmp_path / "mine", tensors), DENSE)
    assert lora.name == "mine"
    value = next(p for p in lora.pieces if p.matrix == "layers.1.mixers.0.qkv" and p.first == 48)
    stored = tensors["base_model.model.model.layers.1.self_attn.v_proj.lora_B.weight"]
    assert torch.equal(value.up_OR, stored * 2)


def test_rank_stabilised_scaling(tmp_path):
    tensors = attention_pairs(0) | attention_pairs(1)
    plain = read_lora(written(tmp_path / "a", tensors), DENSE)
    stable = read_lora(written(tmp_path / "b", tensors, use_rslora=True), DENSE)
    assert torch.allclose(stable.pieces[0].up_OR, plain.pieces[0].up_OR * 2)


def test_one_that_reaches_only_the_attention_of_a_hybrid_is_refused(tmp_path):
    folder = written(tmp_path / "few", attention_pairs(2))
    with pytest.raises(ModelError, match=r"mixers of 1 of 4 layers.*in_proj") as caught:
        read_lora(folder, HYBRID)
    assert caught.value.code == "adapter_invalid"
    assert read_lora(folder, HYBRID, partial=True).pieces


def test_mamba_projections_are_covered(tmp_path):
    tensors = attention_pairs(2)
    for layer in (0, 1, 3):
        tensors |= pair(f"layers.{layer}.mamba.in_proj", 32 + 64 + 4, 24)
    lora = read_lora(written(tmp_path / "whole", tensors), HYBRID)
    assert {p.matrix for p in lora.pieces} >= {f"layers.{i}.mixers.0.in_proj" for i in (0, 1, 3)}


@pytest.mark.parametrize(
    ("extra", "settings", "words"),
    [
        (pair("layers.0.self_attn.nonsense", 8, 8), {}, "is no matrix of this model"),
        (pair("layers.7.self_attn.q_proj", 32, 24), {}, "is no matrix of this model"),
        (pair("layers.0.mlp.up_proj", 41, 24), {}, "don't fit a matrix of 40 x 24"),
        ({"base_model.model.lm_head.bias": torch.zeros(2)}, {}, "no half of a low-rank pair"),
        ({}, {"use_dora": True}, "use_dora"),
        ({}, {"peft_type": "IA3"}, "not LORA"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(tmp_path, extra, settings, words):
    folder = written(tmp_path / "bad", attention_pairs(0) | attention_pairs(1) | extra, **settings)
    with pytest.raises(ModelError, match=words):
        read_lora(folder, DENSE)


def test_half_a_pair_is_refused(tmp_path):
    tensors = attention_pairs(0) | attention_pairs(1)
    del tensors["base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight"]
    with pytest.raises(ModelError, match="only one half"):
        read_lora(written(tmp_path / "half", tensors), DENSE)
