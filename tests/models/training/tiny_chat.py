"""A chat model of a few thousand weights, in the files of a checkpoint: Llama's layout, a vocabulary of bytes."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

WIDTH, HIDDEN, HEADS, KV_HEADS, LAYERS = 32, 48, 4, 2, 2
SPECIAL = ("<|im_start|>", "<|im_end|>")
_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tiny_chat(folder: Path, seed: int = 0, alphabet: str = "") -> Path:
    """`alphabet`: the letters that it knows, bytes of any kind where none are given; others it doesn't see."""
    letters = sorted(alphabet.replace(" ", "Ġ") or pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: index for index, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.save(str(folder / "tokenizer.json"))
    eos = len(letters) + 1
    config = {
        "model_type": "llama", "vocab_size": len(letters) + 2, "hidden_size": WIDTH, "intermediate_size": HIDDEN,
        "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "max_position_embeddings": 256, "tie_word_embeddings": True,
        "hidden_act": "silu", "eos_token_id": eos,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    settings = {"chat_template": _TEMPLATE, "eos_token": SPECIAL[1]}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    save_file(_weights(len(letters) + 2, seed), folder / "model.safetensors")
    return folder


def _weights(vocab: int, seed: int) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    head = WIDTH // HEADS
    shapes = {"model.embed_tokens.weight": (vocab, WIDTH)}
    for layer in range(LAYERS):
        at = f"model.layers.{layer}."
        shapes |= {
            f"{at}self_attn.q_proj.weight": (WIDTH, WIDTH),
            f"{at}self_attn.k_proj.weight": (KV_HEADS * head, WIDTH),
            f"{at}self_attn.v_proj.weight": (KV_HEADS * head, WIDTH),
            f"{at}self_attn.o_proj.weight": (WIDTH, WIDTH),
            f"{at}mlp.gate_proj.weight": (HIDDEN, WIDTH),
            f"{at}mlp.up_proj.weight": (HIDDEN, WIDTH),
            f"{at}mlp.down_proj.weight": (WIDTH, HIDDEN),
        }
    norms = ["model.norm"] + [
        f"model.layers.{layer}.{name}_layernorm"
        for layer in range(LAYERS)
        for name in ("input", "post_attention")
    ]
    drawn = {name: torch.randn(shape, generator=draw) * 0.25 for name, shape in shapes.items()}
    drawn["model.embed_tokens.weight"] *= 3  # wide enough apart for a head that never learns to be sure
    return drawn | {f"{name}.weight": torch.ones(WIDTH) for name in norms}
