"""A tiny model on disk that spells in bytes: real files, read as any served model's are."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

END, USER = "</s>", "<|user|>"
LAYERS, WIDTH, HEADS, HIDDEN = 2, 32, 4, 48
ROWS = 258


def spelling_model(folder: Path, seed: int = 0, std: float = 0.2) -> Path:
    """A Llama of two layers with random float32 weights."""
    folder.mkdir(parents=True)
    _tokenizer().save(str(folder / "tokenizer.json"))
    config = {
        "model_type": "llama", "vocab_size": ROWS, "hidden_size": WIDTH, "intermediate_size": HIDDEN,
        "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": 2,
        "max_position_embeddings": 512, "tie_word_embeddings": True, "hidden_act": "silu", "eos_token_id": 256,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    template = f"{{% for message in messages %}}{USER}{{{{ message.content }}}}{{% endfor %}}{USER}"
    (folder / "chat_template.jinja").write_text(template)
    draw = torch.Generator().manual_seed(seed)
    shapes = {"model.embed_tokens.weight": (ROWS, WIDTH)}
    for layer in range(LAYERS):
        at = f"model.layers.{layer}"
        shapes |= {
            f"{at}.self_attn.{name}_proj.weight": (WIDTH // 2 if name in "kv" else WIDTH, WIDTH)
            for name in "qkvo"
        }
        shapes |= {f"{at}.mlp.{name}_proj.weight": (HIDDEN, WIDTH) for name in ("gate", "up")}
        shapes[f"{at}.mlp.down_proj.weight"] = (WIDTH, HIDDEN)
    tensors = {name: torch.randn(shape, generator=draw) * std for name, shape in shapes.items()}
    norms = [
        f"model.layers.{i}.{n}_layernorm.weight" for i in range(LAYERS) for n in ("input", "post_attention")
    ]
    tensors |= {name: torch.ones(WIDTH) for name in (*norms, "model.norm.weight")}
    save_file(tensors, folder / "model.safetensors")
    return folder


def _tokenizer() -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={token: at for at, token in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in (END, USER)])
    return backend


def lines(path: Path, *records: dict[str, Any]) -> str:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return str(path)


def asked(text: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **more}


def progress(folder: Path) -> list[dict[str, Any]]:
    """The steps that a run told of."""
    told = [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]
    return [line for line in told if "step" in line]
