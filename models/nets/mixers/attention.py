"""Grouped-query attention over paged keys and values.

Keys are read some pages at a time and merged by running maxima (arXiv:2112.05682), so that a long context
costs time but no memory. Layout of the pages: see `nets/memory.py`.

Shape letters: N tokens, B runs, T tokens of each, Q pages, L keys, H query heads, K key heads,
G query heads per key head, D head width, E model width.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from secretariat.models.nets.config import AttentionSpec, QkNormSpec, RopeSpec
from secretariat.models.nets.memory import Memory
from secretariat.models.nets.mixers.step import Group, Step
from secretariat.models.nets.norm import Norm, wide
from secretariat.models.nets.rotary import Rotation, rotate
from secretariat.models.nets.state import PAGE_SIZE

_PAGES = 128  # gathered at a time: bounds the scores at 2,048 keys


class Attention(nn.Module):
    """The `index`-th attention of the network: it owns the `index`-th pools of keys and values.

    Projections are normalised, then clipped, then rotated.
    """

    def __init__(self, width: int, spec: AttentionSpec, index: int) -> None:
        super().__init__()
        self.spec = spec
        self.index = index
        heads = spec.heads + 2 * spec.kv_heads
        self.qkv = nn.Linear(width, heads * spec.head_dim, bias=spec.qkv_bias)
        self.out = nn.Linear(spec.heads * spec.head_dim, width, bias=spec.out_bias)
        if spec.qk_norm is not None:
            self.q_norm = QkNorm(spec.qk_norm, spec.heads, spec.head_dim)
            self.k_norm = QkNorm(spec.qk_norm, spec.kv_heads, spec.head_dim)

    def forward(self, x_NE: Tensor, step: Step) -> Tensor:
        """Writes the step's keys and values to their pages, then attends. Returns [N, E]."""
        q_NHD, k_NKD, v_NKD = self.projected(x_NE, step.rotations)
        past, local = Past.of(step.memory, self.index), step.memory.local[self.index]
        past.write(step.ring_N if local else step.page_N, step.offset_N, k_NKD, v_NKD)
        mixed_NHD = torch.empty_like(q_NHD)
        for group in (group.on_rings() if local else group for group in step.groups):
            positions_BT = step.positions_N[group.rows_BT]
            mixed_NHD[group.rows_BT] = attend(q_NHD[group.rows_BT], positions_BT, group, past, self.spec)
        out_NE: Tensor = self.out(mixed_NHD.flatten(1))
        return out_NE

    def projected(
        self, x_NE: Tensor, rotations: Mapping[RopeSpec, Rotation]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries [N, H, D], keys and values [N, K, D] as they meet."""
        spec = self.spec
        qkv_NHD: Tensor = self.qkv(x_NE).view(len(x_NE), -1, spec.head_dim)
        q_NHD, k_NKD, v_NKD = qkv_NHD.split_with_sizes([spec.heads, spec.kv_heads, spec.kv_heads], dim=1)
        if spec.qk_norm is not None:
            q_NHD, k_NKD = self.q_norm(q_NHD), self.k_norm(k_NKD)
        if spec.clip is not None:
            q_NHD, k_NKD, v_NKD = (part.clamp(-spec.clip, spec.clip) for part in (q_NHD, k_NKD, v_NKD))
        if spec.rope is not None:
            q_NHD, k_NKD = (rotate(part, rotations[spec.rope], spec.rope) for part in (q_NHD, k_NKD))
        return q_NHD, k_NKD, v_NKD


class QkNorm(Norm):
    """Normalises [N, H, D] by head or over all heads at once."""

    def __init__(self, spec: QkNormSpec, heads: int, head_dim: int) -> None:
        shapes = {"head": (head_dim,), "heads": (heads, head_dim), "all": (heads * head_dim,)}
        super().__init__(spec.norm, *shapes[spec.over])
        self.whole = spec.over == "all"

    def forward(self, x_NHD: Tensor) -> Tensor:
        if self.whole:
            return super().forward(x_NHD.flatten(1)).view(x_NHD.shape)
        return super().forward(x_NHD)


@dataclass(frozen=True, slots=True)
class Past:
    """One attention's pools: keys [P, K, D/2, 16, 2] and values [P, K, 8, D, 2]."""

    keys: Tensor
    values: Tensor

    @staticmethod
    def of(memory: Memory, index: int) -> "Past":
        return Past(memory.keys[index], memory.values[index])

    def write(self, page_N: Tensor, offset_N: Tensor, k_NKD: Tensor, v_NKD: Tensor) -> None:
        paired_NKD2 = k_NKD.reshape(*k_NKD.shape[:2], -1, 2).to(self.keys.dtype)
        self.keys[page_N, :, :, offset_N] = paired_NKD2
        self.values[page_N, :, offset_N // 2, :, offset_N % 2] = v_NKD.to(self.values.dtype)

    def read(self, pages_BQ: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Keys [B, K, D, L] and values [B, K, L, D] of whole pages."""
        keys_BQKd, values_BQKo = (
            pool.index_select(0, pages_BQ.flatten()).view(*pages_BQ.shape, *pool.shape[1:]).to(dtype)
            for pool in (self.keys, self.values)
        )
        k_BKDL = keys_BQKd.permute(0, 2, 3, 5, 1, 4).flatten(4, 5).flatten(2, 3)
        v_BKLD = values_BQKo.permute(0, 2, 1, 3, 5, 4).flatten(2, 4)
        return k_BKDL, v_BKLD


def attend(q_BTHD: Tensor, positions_BT: Tensor, group: Group, past: Past, spec: AttentionSpec) -> Tensor:
    """[B, T, H, D]: each token over the keys at its own position and before, as the window allows."""
    batch, tokens = positions_BT.shape
    wider = wide(q_BTHD.dtype)
    q_BKGTD = q_BTHD.view(batch, tokens, spec.kv_heads, spec.group, -1).permute(0, 2, 3, 1, 4)
    highest = q_BKGTD.new_full(q_BKGTD.shape[:-1], torch.finfo(wider).min, dtype=wider)
    total = torch.zeros_like(highest)
    mixed_BKGTD = torch.zeros_like(q_BKGTD, dtype=wider)
    shortest = min(run.end for run in group.runs)
    for first in _blocks(group, spec):
        k_BKDL, v_BKLD = past.read(group.pages_BQ[:, first : first + _PAGES], q_BTHD.dtype)
        keys = k_BKDL.shape[-1]
        at_L = torch.arange(keys, device=q_BTHD.device) + first * PAGE_SIZE
        behind = max(shortest - first * PAGE_SIZE, 0)  # 0 · NaN that somebody left there is NaN
        v_BKLD[:, :, behind:].masked_fill_((at_L[behind:] > positions_BT[:, -1:])[:, None, :, None], 0)
        scores = (q_BKGTD.flatten(2, 3) @ k_BKDL).view(batch, spec.kv_heads, spec.group, tokens, keys)
        scores = _scaled(scores.to(wider), spec)
        scores = scores.masked_fill_(~_visible(at_L, positions_BT, spec)[:, None, None], -torch.inf)
        higher = torch.maximum(highest, scores.amax(dim=-1))
        weights = torch.exp(scores - higher[..., None])
        kept = torch.exp(highest - higher)
        total = total * kept + weights.sum(dim=-1)
        added = (weights.to(q_BTHD.dtype).flatten(2, 3) @ v_BKLD).view_as(mixed_BKGTD)
        mixed_BKGTD = mixed_BKGTD * kept[..., None] + added
        highest = higher
    return (mixed_BKGTD / total[..., None]).to(q_BTHD.dtype).permute(0, 3, 1, 2, 4).flatten(2, 3)


def _blocks(group: Group, spec: AttentionSpec) -> list[int]:
    """First pages of the blocks in which some token of the group may see a key."""
    earliest = min(run.start for run in group.runs)
    hidden = 0 if spec.window is None else earliest - spec.window + 1  # keys before it are out of all windows
    return [
        first
        for first in range(0, group.pages_BQ.shape[1], _PAGES)
        if (first + _PAGES) * PAGE_SIZE > hidden or first * PAGE_SIZE < spec.sinks
    ]


def _scaled(scores: Tensor, spec: AttentionSpec) -> Tensor:
    scores = scores * (1 / math.sqrt(spec.head_dim) if spec.scale is None else spec.scale)
    if spec.soft_cap is None:
        return scores
    return spec.soft_cap * torch.tanh(scores / spec.soft_cap)


def _visible(at_L: Tensor, positions_BT: Tensor, spec: AttentionSpec) -> Tensor:
    """[B, T, L]"""
    visible_BTL = at_L <= positions_BT[..., None]
    if spec.window is not None:
        visible_BTL &= (at_L > positions_BT[..., None] - spec.window) | (at_L < spec.sinks)
    return visible_BTL
