"""Models of published shapes with random weights, written once as ordinary checkpoints.

Sizes come from the models' public configurations; speed depends on them, not on what the weights say.
"""

from collections.abc import Callable
from pathlib import Path

import torch
import transformers
from transformers import GraniteMoeHybridConfig, JambaConfig, LlamaConfig

_FOLDER = Path(__file__).parent.parent / ".secretariat" / "benchmarks"
_ATTENTION_AT = (10, 13, 17, 27)


def granite_350m() -> GraniteMoeHybridConfig:
    """Granite-4.0-H-350M: 28 Mamba-2 and 4 attention layers of width 768."""
    return GraniteMoeHybridConfig(
        vocab_size=100352, hidden_size=768, intermediate_size=2048, shared_intermediate_size=2048,
        num_hidden_layers=32, num_attention_heads=12, num_key_value_heads=4,
        layer_types=["attention" if at in _ATTENTION_AT else "mamba" for at in range(32)],
        num_local_experts=0, num_experts_per_tok=0, mamba_n_heads=48, mamba_d_head=32, mamba_d_state=128,
        mamba_n_groups=1, mamba_chunk_size=256, tie_word_embeddings=True, attention_multiplier=0.015625,
        residual_multiplier=0.246, embedding_multiplier=12.0, logits_scaling=3.0,
        max_position_embeddings=262144, position_embedding_type="nope",
    )  # fmt: skip


def jamba_343m() -> JambaConfig:
    """A small Jamba: eight layers, one of attention, eight experts in every second."""
    return JambaConfig(
        vocab_size=65536, hidden_size=1024, intermediate_size=2048, num_hidden_layers=8,
        num_attention_heads=16, num_key_value_heads=4, num_experts=8, num_experts_per_tok=2,
        tie_word_embeddings=True, use_mamba_kernels=False,
    )  # fmt: skip


def dense_350m() -> LlamaConfig:
    """A dense decoder of the hybrid's width and depth: what its memory is compared with."""
    return LlamaConfig(
        vocab_size=100352, hidden_size=768, intermediate_size=2048, num_hidden_layers=32,
        num_attention_heads=12, num_key_value_heads=4, tie_word_embeddings=True,
    )  # fmt: skip


SHAPES: dict[str, Callable[[], transformers.PretrainedConfig]] = {
    "granite-h-350m-shape": granite_350m,
    "jamba-343m-shape": jamba_343m,
}


def checkpoint(name: str) -> Path:
    """The directory of a bfloat16 checkpoint of that shape, made from a fixed seed if it isn't there."""
    directory = _FOLDER / name
    if not (directory / "config.json").exists():
        torch.manual_seed(20)
        model = transformers.AutoModelForCausalLM.from_config(SHAPES[name](), dtype=torch.bfloat16)
        model.save_pretrained(directory)
    return directory
