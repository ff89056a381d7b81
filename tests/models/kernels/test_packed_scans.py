"""Mamba-2's convolution and recurrence along packed documents with gradients: against float64, and their bits."""

from functools import cache

import pytest
import torch
from torch import Tensor

from secretariat.models.kernels.packed_conv.cpu import PackedConv
from secretariat.models.kernels.packed_conv.gradients import filtered
from secretariat.models.kernels.packed_conv.reference import packed_conv
from secretariat.models.kernels.packed_ssd.cpu import PackedSsd
from secretariat.models.kernels.packed_ssd.gradients import scanned
from secretariat.models.kernels.packed_ssd.reference import packed_ssd

GAP = 2  # places between documents that are nobody's
LENGTHS = (1, 7, 48, 49, 110)
CONV_LENGTHS = (1, 2, 31, 32, 40)
SHAPES = {"one group": (1, 1, 16, 32), "heads share": (6, 2, 32, 48), "wide": (3, 3, 80, 16)}  # H, G, P, S


def laid(lengths=LENGTHS) -> tuple[Tensor, int]:
    spans, at = [], GAP
    for length in lengths:
        spans.append((at, at + length))
        at += length + GAP
    return torch.tensor(spans), at


def both_ways(function, given: list[Tensor], told: Tensor) -> list[Tensor]:
    """The outputs, and what a loss of them tells each of those given."""
    leaves = [part.detach().clone().requires_grad_() for part in given]
    out = function(*leaves)
    out.backward(told.to(out.dtype))
    return [out.detach(), *(part.grad for part in leaves)]


def conv_drawn(tokens, taps, channels=48) -> tuple[list[Tensor], Tensor]:
    torch.manual_seed(taps)
    given = [torch.randn(tokens, channels) * 3, torch.randn(channels, taps), torch.randn(channels)]
    return given, torch.randn(tokens, channels)


def ssd_drawn(tokens, shape) -> tuple[list[Tensor], Tensor]:
    heads, groups, width, size = SHAPES[shape]
    torch.manual_seed(heads)
    xbc = torch.randn(tokens, heads * width + 2 * groups * size)
    dt = torch.rand(tokens, heads).square()
    return [xbc, dt, -torch.rand(heads) - 0.01, torch.randn(heads)], torch.randn(tokens, heads * width)


def ssd_operation(compiled, threads, spans_S2, shape) -> PackedSsd:
    _, groups, _, size = SHAPES[shape]
    return PackedSsd(compiled, threads, spans_S2, groups, size)


@cache
def exact_conv(taps) -> list[Tensor]:
    """Of all instruction sets the same; both ways in float64."""
    spans_S2, tokens = laid(CONV_LENGTHS)
    given, told = conv_drawn(tokens, taps)
    return both_ways(
        lambda x, w, b: packed_conv(x, w.T, b, spans_S2), [part.double() for part in given], told
    )


@cache
def exact_ssd(shape) -> list[Tensor]:
    spans_S2, tokens = laid()
    given, told = ssd_drawn(tokens, shape)
    _, groups, _, size = SHAPES[shape]
    return both_ways(
        lambda xbc, dt, rate, skip: packed_ssd(xbc, dt, rate, skip, spans_S2, groups, size),
        [part.double() for part in given],
        told,
    )


def assert_exact(found: list[Tensor], right: list[Tensor]):
    for one, exact in zip(found, right, strict=True):
        assert (one - exact).norm() <= 1e-5 * exact.norm()
        torch.testing.assert_close(one.double(), exact, rtol=1e-5, atol=float(1e-5 * exact.abs().max()))


@pytest.mark.parametrize("taps", [1, 4, 7])
def test_the_convolution_against_float64(compiled, taps):
    spans_S2, tokens = laid(CONV_LENGTHS)
    given, told = conv_drawn(tokens, taps)
    operation = PackedConv(compiled, 2, spans_S2)
    assert_exact(both_ways(lambda *parts: filtered(operation, *parts), given, told), exact_conv(taps))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_recurrence_against_float64(compiled, shape):
    spans_S2, tokens = laid()
    given, told = ssd_drawn(tokens, shape)
    operation = ssd_operation(compiled, 2, spans_S2, shape)
    assert_exact(both_ways(lambda *parts: scanned(operation, *parts), given, told), exact_ssd(shape))


def test_no_bit_depends_on_neighbours_or_threads(compiled):
    spans_S2, tokens = laid()
    (x, weight, bias), conv_told = conv_drawn(tokens, 4)
    (xbc, dt, rate, skip), ssd_told = ssd_drawn(tokens, "heads share")

    def run(threads, spans_S2, own):
        conv = PackedConv(compiled, threads, spans_S2)
        ssd = ssd_operation(compiled, threads, spans_S2, "heads share")
        return (
            both_ways(lambda *parts: filtered(conv, *parts), [x[own], weight, bias], conv_told[own]),
            both_ways(lambda *parts: scanned(ssd, *parts), [xbc[own], dt[own], rate, skip], ssd_told[own]),
        )

    whole_conv, whole_ssd = run(3, spans_S2, slice(None))
    for one, other in zip(run(1, spans_S2, slice(None)), (whole_conv, whole_ssd), strict=True):
        assert all(torch.equal(*pair) for pair in zip(one, other, strict=True))
    for first, last in spans_S2.tolist():
        own = slice(first, last)
        conv, ssd = run(1, torch.tensor([[0, last - first]]), own)
        assert all(torch.equal(one, other[own]) for one, other in zip(conv[:2], whole_conv[:2], strict=True))
        assert all(torch.equal(one, other[own]) for one, other in zip(ssd[:3], whole_ssd[:3], strict=True))


def test_states_that_fade_at_once_leave_numbers(compiled):
    spans_S2, tokens = laid((130,))
    (xbc, dt, rate, skip), told = ssd_drawn(tokens, "one group")
    operation = ssd_operation(compiled, 1, spans_S2, "one group")
    found = both_ways(lambda *parts: scanned(operation, *parts), [xbc, dt, rate * 1e6, skip], told)
    assert all(part.isfinite().all() for part in found)


def test_what_would_read_past_a_tensor_is_refused(compiled):
    spans_S2, tokens = laid((5,))
    (x, weight, bias), _ = conv_drawn(tokens, 4)
    (xbc, dt, rate, skip), _ = ssd_drawn(tokens, "heads share")
    for spans, conv_parts, ssd_parts in (
        (spans_S2 + tokens, (x, weight, bias), (xbc, dt, rate, skip)),
        (spans_S2, (x[:, :-1], weight, bias), (xbc, dt[:-1], rate, skip)),
        (spans_S2, (x, weight.repeat(1, 3), bias), (xbc, dt, rate[:-1], skip)),
        (spans_S2, (x, weight, bias[:-1]), (xbc[:, :-16], dt, rate, skip)),
        (spans_S2, (x.double(), weight, bias), (xbc.double(), dt, rate, skip)),
    ):
        with pytest.raises(AssertionError):
            filtered(PackedConv(compiled, 1, spans), *conv_parts)
        with pytest.raises(AssertionError):
            scanned(ssd_operation(compiled, 1, spans, "heads share"), *ssd_parts)
