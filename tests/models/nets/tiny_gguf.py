"""A GGUF file of one small layer, every weight of it 1 unless it is given a number format."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import quantize

TENSORS: dict[str, tuple[int, ...]] = {
    "token_embd.weight": (4, 8),
    "output_norm.weight": (8,),
    "blk.0.attn_norm.weight": (8,),
    "blk.0.attn_q.weight": (8, 8),
    "blk.0.attn_k.weight": (4, 8),
    "blk.0.attn_v.weight": (4, 8),
    "blk.0.attn_output.weight": (8, 8),
    "blk.0.ffn_norm.weight": (8,),
    "blk.0.ffn_gate.weight": (6, 8),
    "blk.0.ffn_up.weight": (6, 8),
    "blk.0.ffn_down.weight": (8, 6),
}
NUMBERS = {
    "block_count": 1, "context_length": 16, "embedding_length": 8, "feed_forward_length": 6,
    "attention.head_count": 2, "attention.head_count_kv": 1,
}  # fmt: skip

TEMPLATE = "{{ messages[0].content }}"


def checkpoint(
    directory: Path,
    *,
    tensors: Mapping[str, tuple[int, ...] | None] | None = None,
    numbers: Mapping[str, int] | None = None,
    template: str | None = TEMPLATE,
    tokens: Sequence[str] = ("a", "b", "ab"),
    licence: str | None = None,
    formats: Mapping[str, GGMLQuantizationType] | None = None,
) -> Path:
    """`tiny.gguf` in `directory`; what is given replaces a part of it, None leaves a tensor out. `formats`:
    tensors of drawn numbers in these formats."""
    writer = GGUFWriter(directory / "tiny.gguf", "llama")
    for key, value in {**NUMBERS, **(numbers or {})}.items():
        writer.add_uint32(f"llama.{key}", value)
    if licence is not None:
        writer.add_string("general.license", licence)
    writer.add_float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
    writer.add_string("tokenizer.ggml.model", "gpt2")
    writer.add_string("tokenizer.ggml.pre", "smollm")
    writer.add_array("tokenizer.ggml.tokens", ["<|im_end|>", *tokens])
    writer.add_array("tokenizer.ggml.token_type", [3, *(1 for _ in tokens)])
    writer.add_array("tokenizer.ggml.merges", ["a b"])
    writer.add_uint32("tokenizer.ggml.eos_token_id", 0)
    if template is not None:
        writer.add_string("tokenizer.chat_template", template)
    formats = formats or {}
    draw = np.random.default_rng(3)
    for name, shape in {**TENSORS, **(tensors or {})}.items():
        if shape is not None and name in formats:
            drawn = draw.standard_normal(shape, np.float32)
            writer.add_tensor(name, quantize(drawn, formats[name]), raw_dtype=formats[name])
        elif shape is not None:
            writer.add_tensor(name, np.ones(shape, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return directory
