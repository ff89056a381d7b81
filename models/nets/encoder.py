"""A BERT encoder (Devlin et al. 2018, arXiv:1810.04805) and what is read from its token states.

`Encoder` gives unit vectors: states averaged over the text and scaled to length one (Reimers & Gurevych 2019,
arXiv:1908.10084). `Labeller` gives logits of labels. `TorchTexts` runs either over rows of token ids; the compiled
form of it is `native/encoder.py`. Knows nothing of tokenising.

Shape letters: B texts, T tokens, E model width, H heads, D head width, L labels.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from secretariat.models.nets.config import EncoderConfig, HeadSpec
from secretariat.models.nets.network import Arithmetic
from secretariat.models.nets.table import table

Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]
Rows = Sequence[Sequence[int]]
_BATCH_TOKENS = 2048  # of one pass, padding included: bounds its memory
_SQUASH = {"tanh": torch.tanh, "relu": torch.relu}


class TextNetwork(Protocol):
    """The seam between texts and arithmetic."""

    @property
    def config(self) -> EncoderConfig: ...

    @property
    def arithmetic(self) -> Arithmetic: ...

    def vectors(self, rows: Rows) -> Floats:
        """Unit vectors [B, E] of rows of token ids."""
        ...

    def token_vectors(self, rows: Rows) -> list[Halves]:
        """Of each row its tokens' states as unit vectors [T, E], float16."""
        ...


class EncoderLayer(nn.Module):
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)
        self.mixer_norm = nn.LayerNorm(config.width, config.norm_eps)
        self.up = nn.Linear(config.width, config.hidden)
        self.down = nn.Linear(config.hidden, config.width)
        self.feed_forward_norm = nn.LayerNorm(config.width, config.norm_eps)

    def forward(self, x_BTE: Tensor, mask_B11T: Tensor | None) -> Tensor:
        q_BHTD, k_BHTD, v_BHTD = self.qkv(x_BTE).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed_BHTD = F.scaled_dot_product_attention(q_BHTD, k_BHTD, v_BHTD, attn_mask=mask_B11T)
        x_BTE = self.mixer_norm(x_BTE + self.out(mixed_BHTD.transpose(1, 2).flatten(2)))
        out_BTE: Tensor = self.feed_forward_norm(x_BTE + self.down(F.gelu(self.up(x_BTE))))
        return out_BTE


class Encoder(nn.Module):
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.words = table(config.vocab, config.width)
        self.positions = table(config.positions, config.width)
        self.token_types = table(config.token_types, config.width) if config.token_types else None
        self.norm = nn.LayerNorm(config.width, config.norm_eps)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))
        self.requires_grad_(requires_grad=False)

    @torch.inference_mode()
    def forward(self, tokens_BT: Tensor, lengths_B: Tensor) -> Tensor:
        """Unit vectors [B, E]. Tokens at or past a text's length are padding and change nothing."""
        present_BT = _present(tokens_BT, lengths_B)
        x_BTE = self.states(tokens_BT, present_BT)
        mean_BE = (x_BTE * present_BT[..., None]).sum(1) / lengths_B[:, None]
        return F.normalize(mean_BE, dim=-1)

    def states(self, tokens_BT: Tensor, present_BT: Tensor) -> Tensor:
        """Of the last layer [B, T, E]; those of padding mean nothing."""
        first = self.config.first_position
        x_BTE: Tensor = self.words(tokens_BT) + self.positions.weight[first : first + tokens_BT.shape[1]]
        if self.token_types is not None:
            x_BTE = x_BTE + self.token_types.weight[0]
        x_BTE = self.norm(x_BTE)
        mask_B11T = None if bool(present_BT.all()) else present_BT[:, None, None]
        for layer in self.layers:
            x_BTE = layer(x_BTE, mask_B11T)
        return x_BTE


class Labeller(nn.Module):
    """An encoder with the head that it was trained with."""

    def __init__(self, config: EncoderConfig, head: HeadSpec) -> None:
        super().__init__()
        self.head = head
        self.encoder = Encoder(config)
        self.dense = nn.Linear(config.width, config.width) if head.over == "text" else None
        self.labels = nn.Linear(config.width, len(head.labels))
        self.requires_grad_(requires_grad=False)

    @torch.inference_mode()
    def forward(self, tokens_BT: Tensor, lengths_B: Tensor) -> Tensor:
        """Logits [B, L] of texts, or [B, T, L] of tokens, where those of padding mean nothing."""
        x_BTE = self.encoder.states(tokens_BT, _present(tokens_BT, lengths_B))
        if self.dense is not None:
            x_BTE = _SQUASH[self.head.squash](self.dense(x_BTE[:, 0]))
        logits: Tensor = self.labels(x_BTE)
        return logits


class TorchTexts:
    """A TextNetwork in plain torch, a few rows of like length at a time."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.config = encoder.config

    @property
    def arithmetic(self) -> Arithmetic:
        isa = torch.backends.cpu.get_cpu_capability()
        return Arithmetic("torch", isa, torch.get_num_threads(), "float32", exact=False)

    def vectors(self, rows: Rows) -> Floats:
        found = np.empty((len(rows), self.config.width), np.float32)
        for indices, vectors_BE in passes(rows, self._encoder):
            found[indices] = vectors_BE.numpy()
        return found

    def token_vectors(self, rows: Rows) -> list[Halves]:
        found: dict[int, Halves] = {}
        for indices, states_BTE in passes(rows, self._states):
            for index, states_TE in zip(indices, states_BTE.half().numpy(), strict=True):
                found[index] = states_TE[: len(rows[index])]
        return [found[index] for index in range(len(rows))]

    @torch.inference_mode()
    def _states(self, tokens_BT: Tensor, lengths_B: Tensor) -> Tensor:
        return F.normalize(self._encoder.states(tokens_BT, _present(tokens_BT, lengths_B)), dim=-1)


def passes(rows: Rows, network: Callable[[Tensor, Tensor], Tensor]) -> Iterator[tuple[list[int], Tensor]]:
    """What the network makes of token rows, a few at a time, with the indices of those rows."""
    for indices in _batches(rows):
        some = [torch.tensor(rows[index]) for index in indices]
        lengths_B = torch.tensor([len(row) for row in some])
        yield indices, network(nn.utils.rnn.pad_sequence(some, batch_first=True), lengths_B)


def _batches(rows: Rows) -> list[list[int]]:
    """Indices grouped by like length, so that little is padding."""
    batches: list[list[int]] = []
    for index in sorted(range(len(rows)), key=lambda index: len(rows[index])):
        if not batches or (len(batches[-1]) + 1) * len(rows[index]) > _BATCH_TOKENS:
            batches.append([])
        batches[-1].append(index)
    return batches


def _present(tokens_BT: Tensor, lengths_B: Tensor) -> Tensor:
    """bool [B, T]"""
    return torch.arange(tokens_BT.shape[1]) < lengths_B[:, None]
