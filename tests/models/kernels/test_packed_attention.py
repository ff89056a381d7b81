"""Attention of packed documents and its gradients against float64, on awkward lengths, and their bits."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from secretariat.models.kernels.packed_attention.cpu import PackedAttention
from secretariat.models.kernels.packed_attention.gradients import attended
from secretariat.models.kernels.packed_attention.reference import packed_attention

GAP = 3  # places between documents that are nobody's
LENGTHS = (1, 7, 48, 49, 131, 97)


@dataclass(frozen=True)
class Case:
    """Heads, and what of a document they see."""

    heads: int
    kv_heads: int
    dim: int
    window: int | None = None
    sinks: int = 0

    def operation(self, compiled, threads, spans_S2):
        return PackedAttention(compiled, threads, spans_S2, 0.7 * self.dim**-0.5, self.window, self.sinks)

    def drawn(self, tokens):
        """Queries, keys and values side by side, as a projection makes them."""
        return torch.randn(tokens, self.heads + 2 * self.kv_heads, self.dim) * 1.5

    def split(self, qkv_NFD):
        return qkv_NFD.split([self.heads, self.kv_heads, self.kv_heads], dim=1)


CASES = {
    "whole": Case(4, 2, 64),
    "window and sinks": Case(3, 1, 64, window=60, sinks=4),
    "window alone": Case(2, 2, 32, window=17),
    "more sinks than window": Case(3, 1, 80, window=5, sinks=60),
    "window of one": Case(1, 1, 16, window=1),
}


def laid(lengths=LENGTHS):
    spans, at = [], GAP
    for length in lengths:
        spans.append((at, at + length))
        at += length + GAP
    return torch.tensor(spans), at


def both_ways(operation, case, qkv_NFD, told_NHD) -> tuple[Tensor, Tensor]:
    """The outputs, and what a loss of them tells queries, keys and values."""
    qkv_NFD = qkv_NFD.clone().requires_grad_()
    out_NHD = attended(operation, *case.split(qkv_NFD))
    out_NHD.backward(told_NHD)
    assert qkv_NFD.grad is not None
    return out_NHD.detach(), qkv_NFD.grad


def exact(operation, case, qkv_NFD) -> Tensor:
    q_NHD, k_NKD, v_NKD = case.split(qkv_NFD)
    return packed_attention(
        q_NHD, k_NKD, v_NKD, operation.spans_S2,
        scale=operation.scale, window=operation.window, sinks=operation.sinks,
    )  # fmt: skip


@pytest.mark.parametrize("kind", CASES)
def test_against_float64(compiled, kind):
    case = CASES[kind]
    spans_S2, tokens = laid()
    qkv_NFD, told_NHD = case.drawn(tokens), torch.randn(tokens, case.heads, case.dim)
    operation = case.operation(compiled, 2, spans_S2)
    found = both_ways(operation, case, qkv_NFD, told_NHD)
    exact_NFD = qkv_NFD.double().requires_grad_()
    out_NHD = exact(operation, case, exact_NFD)
    out_NHD.backward(told_NHD.double())
    for one, right in zip(found, (out_NHD.detach(), exact_NFD.grad), strict=True):
        assert right is not None
        assert (one - right).norm() <= 1e-6 * right.norm()
        torch.testing.assert_close(one.double(), right, rtol=1e-5, atol=1e-5)
    nobodys_N = torch.ones(tokens, dtype=torch.bool)
    for first, last in spans_S2.tolist():
        nobodys_N[first:last] = False
    assert not any(one[nobodys_N].any() for one in found)


@pytest.mark.parametrize("kind", ["whole", "window and sinks"])
def test_no_bit_depends_on_neighbours_or_threads(compiled, kind):
    case = CASES[kind]
    spans_S2, tokens = laid()
    qkv_NFD, told_NHD = case.drawn(tokens), torch.randn(tokens, case.heads, case.dim)
    whole = both_ways(case.operation(compiled, 3, spans_S2), case, qkv_NFD, told_NHD)
    for first, last in spans_S2.tolist():
        own = slice(first, last)
        operation = case.operation(compiled, 1, torch.tensor([[0, last - first]]))
        alone = both_ways(operation, case, qkv_NFD[own], told_NHD[own])
        assert all(torch.equal(one, other[own]) for one, other in zip(alone, whole, strict=True))


def test_scores_too_large_for_an_exponential(compiled):
    case = Case(1, 1, 16)
    spans_S2, tokens = laid((200,))
    qkv_NFD = case.drawn(tokens) * 100
    qkv_NFD[:, 0] = qkv_NFD[:, 1]  # each token's own key is among the nearest
    operation = case.operation(compiled, 1, spans_S2)
    out_NHD, told_NFD = both_ways(operation, case, qkv_NFD, torch.randn(tokens, 1, 16))
    exact_NHD = exact(operation, case, qkv_NFD.double())
    torch.testing.assert_close(out_NHD.double(), exact_NHD, rtol=1e-2, atol=1)
    assert told_NFD.isfinite().all()


def test_what_would_read_past_a_tensor_is_refused(compiled):
    case = CASES["whole"]
    spans_S2, tokens = laid((5,))
    q_NHD, k_NKD, v_NKD = case.split(case.drawn(tokens))
    for spans, parts in (
        (spans_S2 + tokens, (q_NHD, k_NKD, v_NKD)),
        (spans_S2, (q_NHD, k_NKD[:-1], v_NKD)),
        (spans_S2, (q_NHD[:, :3], k_NKD, v_NKD)),
        (spans_S2, tuple(part[..., :-8] for part in (q_NHD, k_NKD, v_NKD))),
        (spans_S2, tuple(part.double() for part in (q_NHD, k_NKD, v_NKD))),
    ):
        with pytest.raises(AssertionError):
            attended(case.operation(compiled, 1, spans), *parts)
