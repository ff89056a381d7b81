"""Tiny encoders with a head and drawn weights, saved by transformers, with a tokenizer of a few words."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import BertProcessing

LABELS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"]
TEXTS = ["Anna Schmidt works at Siemens.", "hello", "", "é 日本 Anna, Anna? " * 3]
_WORDS = [
    "anna",
    "schmidt",
    "works",
    "at",
    "siemens",
    "hello",
    ".",
    ",",
    "?",
    "e",
    "日",
    "##s",
    "##a",
    "##n",
    "a",
    "s",
]
_SIZES: dict[str, Any] = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
    "max_position_embeddings": 64,
}  # fmt: skip
_DISTIL: dict[str, Any] = {
    "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "max_position_embeddings": 64,
}  # fmt: skip


def save_tokenizer(directory: Path) -> int:
    """Returns how many words it knows. Padding is 1, as RoBERTa has it: it counts no positions for that token."""
    vocabulary = {word: index for index, word in enumerate(["[UNK]", "[PAD]", "[CLS]", "[SEP]", *_WORDS])}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.save(str(directory / "tokenizer.json"))
    return len(vocabulary)


def save_labeller(directory: Path, kind: str, over: str, **fields: Any) -> Any:
    """The model of transformers, which was saved to `directory`. `kind`: Bert, Roberta, XLMRoberta, DistilBert."""
    import transformers

    directory.mkdir(exist_ok=True)
    words = save_tokenizer(directory)
    head = "SequenceClassification" if over == "text" else "TokenClassification"
    settings = (_DISTIL if kind == "DistilBert" else _SIZES) | {
        "vocab_size": words, "id2label": dict(enumerate(LABELS)), "label2id": {n: i for i, n in enumerate(LABELS)},
    }  # fmt: skip
    config = getattr(transformers, f"{kind}Config")(**settings | fields)
    torch.manual_seed(7)
    model = getattr(transformers, f"{kind}For{head}")(config).eval()
    for weight in model.parameters():
        weight.data.normal_(0, 0.5)
    model.save_pretrained(directory)
    return model
