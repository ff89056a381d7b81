"""A table of vectors, one a row: the embedding of tokens, positions or kinds of text."""

import torch
from torch import nn


def table(rows: int, width: int) -> nn.Embedding:
    """Not initialised: a random start without storage makes torch load its compiler, 170 MB and seconds of it."""
    made: nn.Embedding = nn.Embedding.from_pretrained(torch.empty(rows, width))  # type: ignore[no-untyped-call]
    return made
