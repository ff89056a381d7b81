"""transformers as a peer: the same weights, threads and prompts, in this process."""

import copy
import time
from pathlib import Path
from typing import Any

import torch
import transformers

from tests.models.nets.test_real_weights import transformers_llama

transformers.logging.set_verbosity_error()


def load(directory: Path, dtype: torch.dtype) -> Any:
    return transformers.AutoModelForCausalLM.from_pretrained(directory, dtype=dtype).eval()


def smollm2(dtype: torch.dtype) -> Any:
    """The network that our parity tests compare with: the GGUF's own weights, dequantised."""
    return copy.deepcopy(transformers_llama()).to(dtype)


@torch.inference_mode()
def prefill_rate(model: Any, tokens_BT: torch.Tensor) -> float:
    began = time.perf_counter()
    model(tokens_BT, use_cache=True, logits_to_keep=1)
    return tokens_BT.numel() / (time.perf_counter() - began)


@torch.inference_mode()
def decode_rate(model: Any, tokens_BT: torch.Tensor, steps: int) -> float:
    """Tokens a second over `steps` greedy steps of the whole batch after the prompt."""
    out = model(tokens_BT, use_cache=True, logits_to_keep=1)
    began = time.perf_counter()
    _continue(model, out, tokens_BT, steps)
    return steps * len(tokens_BT) / (time.perf_counter() - began)


@torch.inference_mode()
def answer_rate(model: Any, tokens_BT: torch.Tensor, steps: int) -> float:
    """Tokens a second of whole answers: the time of the prompts counts, their tokens don't."""
    began = time.perf_counter()
    _continue(model, model(tokens_BT, use_cache=True, logits_to_keep=1), tokens_BT, steps)
    return steps * len(tokens_BT) / (time.perf_counter() - began)


def _continue(model: Any, out: Any, tokens_BT: torch.Tensor, steps: int) -> None:
    past, length = out.past_key_values, tokens_BT.shape[1]
    for step in range(steps):
        chosen_B1 = out.logits[:, -1:].argmax(-1)
        positions_B1 = torch.full_like(chosen_B1, length + step)
        out = model(chosen_B1, past_key_values=past, use_cache=True, position_ids=positions_B1)
