"""Tiny checkpoints of every family, saved by transformers as users have them, with the network that made them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

VOCAB = 97
_SIZES: Mapping[str, Any] = {
    "vocab_size": VOCAB, "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 6,
    "num_key_value_heads": 2, "intermediate_size": 40, "max_position_embeddings": 64,
    "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": None,
}  # fmt: skip


def _rope(kind: str, **fields: Any) -> dict[str, Any]:
    return {**_SIZES, "rope_parameters": {"rope_type": kind, "rope_theta": 100.0, **fields}}


def _dbrx() -> Any:
    from transformers import DbrxConfig

    return DbrxConfig(
        vocab_size=VOCAB, d_model=48, n_heads=6, n_layers=2, max_seq_len=64, pad_token_id=None,
        attn_config={"kv_n_heads": 2, "clip_qkv": 0.5, "rope_theta": 5e4},
        rope_parameters={"rope_type": "default", "rope_theta": 5e4},
        ffn_config={"ffn_hidden_size": 40, "moe_num_experts": 4, "moe_top_k": 2,
                    "moe_normalize_expert_weights": 2.0},
    )  # fmt: skip


def _granite(**fields: Any) -> dict[str, Any]:
    return {
        **_SIZES, "layer_types": ["mamba", "attention", "mamba"], "num_hidden_layers": 3, "mamba_n_heads": 12,
        "mamba_d_state": 16, "mamba_n_groups": 2, "mamba_chunk_size": 16, "shared_intermediate_size": 24,
        "embedding_multiplier": 12.0, "logits_scaling": 3.0, "residual_multiplier": 0.22,
        "attention_multiplier": 0.2, "time_step_limit": (0.02, 0.3), **fields,
    }  # fmt: skip


# Of each: the prefix of transformers' classes, and the configuration's fields.
_FAMILIES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "llama": ("Llama", {**_SIZES, "tie_word_embeddings": True}),
    "llama-biased": ("Llama", {**_SIZES, "attention_bias": True, "mlp_bias": True, "head_dim": 12}),
    "llama-linear": ("Llama", _rope("linear", factor=4.0)),
    "llama-dynamic": ("Llama", _rope("dynamic", factor=2.0)),
    "llama-llama3": (
        "Llama",
        _rope(
            "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
            original_max_position_embeddings=32,
        ),
    ),
    "llama-yarn": ("Llama", _rope("yarn", factor=4.0, original_max_position_embeddings=16)),
    "mistral": ("Mistral", {**_SIZES, "sliding_window": 9}),
    "qwen2": ("Qwen2", {**_SIZES, "use_sliding_window": True, "sliding_window": 9, "max_window_layers": 1}),
    "qwen3": ("Qwen3", {**_SIZES, "head_dim": 16}),
    "mixtral": ("Mixtral", {**_SIZES, "num_local_experts": 5, "num_experts_per_tok": 2}),
    "olmoe": ("Olmoe", {**_SIZES, "num_experts": 6, "num_experts_per_tok": 3, "norm_topk_prob": False}),
    "olmoe-normed": ("Olmoe", {**_SIZES, "num_experts": 6, "num_experts_per_tok": 3, "norm_topk_prob": True}),
    "jamba": (
        "Jamba",
        {**_SIZES, "num_hidden_layers": 4, "attn_layer_period": 4, "attn_layer_offset": 2, "num_experts": 4,
         "mamba_d_state": 16, "mamba_dt_rank": 5},
    ),
    "mamba": (
        "Mamba",
        {"vocab_size": VOCAB, "hidden_size": 48, "num_hidden_layers": 2, "state_size": 16, "use_bias": True},
    ),
    "mamba2": (
        "Mamba2",
        {"vocab_size": VOCAB, "hidden_size": 48, "num_hidden_layers": 2, "num_heads": 12, "head_dim": 8,
         "n_groups": 3, "state_size": 16, "chunk_size": 16, "tie_word_embeddings": False},
    ),
    "granite": ("GraniteMoeHybrid", _granite(num_local_experts=5, num_experts_per_tok=2)),
    "granite-dense": (
        "GraniteMoeHybrid",
        _granite(num_local_experts=0, position_embedding_type="rope", mamba_n_groups=1),
    ),
    "dbrx": ("Dbrx", {}),
    "cohere": ("Cohere", {**_SIZES, "use_qk_norm": True, "logit_scale": 0.25}),
    "cohere2": (
        "Cohere2",
        {**_SIZES, "num_hidden_layers": 4, "sliding_window": 9,
         "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"]},
    ),
}  # fmt: skip
NAMES = tuple(_FAMILIES)


@dataclass(frozen=True)
class Family:
    """`theirs` gives the logits [tokens, vocab] of one full forward pass, never of a cached one."""

    directory: Path
    theirs: Callable[[list[int]], torch.Tensor]


@cache
def family(name: str, folder: Path) -> Family:
    """Saved below `folder`, once for a session."""
    import transformers

    kind, fields = _FAMILIES[name]
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.manual_seed(sum(name.encode()))
    config = _dbrx() if name == "dbrx" else getattr(transformers, f"{kind}Config")(**fields)
    network = getattr(transformers, f"{kind}ForCausalLM")(config).float().eval()
    with torch.no_grad():
        for at, parameter in network.named_parameters():
            _randomise(at, parameter)
    network.save_pretrained(folder / name)

    @torch.inference_mode()
    def theirs(ids: list[int]) -> torch.Tensor:
        logits: torch.Tensor = network(torch.tensor([ids]), use_cache=False).logits[0]
        return logits

    return Family(folder / name, theirs)


def _randomise(name: str, parameter: torch.Tensor) -> None:
    """Initial values hide wrong states: decays and steps must differ from channel to channel."""
    if name.endswith("A_log"):
        parameter.uniform_(-1.0, 2.0)
    elif name.endswith(("dt_bias", "dt_proj.bias")):
        parameter.uniform_(-4.0, -1.0)
    elif "norm" in name and parameter.dim() <= 2 and "proj" not in name and "Wqkv" not in name:
        parameter.normal_(1.0, 0.2)
    else:
        parameter.normal_(0.0, 0.08)
