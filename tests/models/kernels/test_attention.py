"""Paged attention against float64 in every instruction set, and its promise that only a row's own past counts.

Whatever nobody has written (outputs, pages, slots behind the last token) is NaN.
"""

import itertools
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from secretariat.models.kernels.attention.cpu import add_attention
from secretariat.models.kernels.attention.reference import attend
from secretariat.models.kernels.library import Library, Program
from tests.models.kernels.paged import PAGE, Runs, empty_pages, read_pages, write_pages

BOTH = [torch.float32, torch.bfloat16]


@dataclass(frozen=True)
class Shape:
    heads: int
    kv_heads: int
    dim: int
    window: int | None = None
    sinks: int = 0
    soft_cap: float | None = None

    @property
    def options(self) -> dict[str, Any]:
        rest = {"window": self.window, "sinks": self.sinks, "soft_cap": self.soft_cap}
        return {"scale": self.dim**-0.5, **rest}


class Sequences:
    """Some sequences of given lengths with random queries, their keys and values in scattered pages."""

    def __init__(self, shape: Shape, lengths: list[int], dtype: torch.dtype) -> None:
        self.shape = shape
        needed = [-(-length // PAGE) for length in lengths]
        self.keys, self.values = empty_pages(sum(needed) + 3, shape.kv_heads, shape.dim, dtype)
        scattered = iter(torch.randperm(len(self.keys)).tolist())
        self.pages = [list(itertools.islice(scattered, count)) for count in needed]
        width = (shape.heads + 2 * shape.kv_heads) * shape.dim
        self.qkv = [torch.randn(length, width) * 1.5 for length in lengths]
        for pages, length in zip(self.pages, lengths, strict=True):
            k_LKD, v_LKD = torch.randn(2, length, shape.kv_heads, shape.dim)
            write_pages(self.keys, self.values, pages, k_LKD * 1.5, v_LKD + 0.3)

    def run(self, library: Library, threads: int, *runs: tuple[int, int, int]) -> list[Tensor]:
        """For each (sequence, start, count): what the operation gives its tokens, [count, H·D]."""
        program = Program(library, threads)
        step = Runs(*((start, count, self.pages[which]) for which, start, count in runs))
        qkv = torch.cat([self.qkv[which][start : start + count] for which, start, count in runs])
        out = torch.full((len(qkv) + 1, self.shape.heads * self.shape.dim), torch.nan)
        add_attention(program, qkv, out, self.keys, self.values, **self.shape.options)
        program.run(step.step)
        assert out[-1].isnan().all(), "wrote behind its rows"
        return list(out[:-1].split([count for _, _, count in runs]))

    def expected(self, which: int, start: int, count: int) -> Tensor:
        heads, dim = self.shape.heads, self.shape.dim
        q_THD = self.qkv[which][start : start + count, : heads * dim].double().view(count, heads, dim)
        known = read_pages(self.keys, self.values, self.pages[which], start + count)
        k_LKD, v_LKD = (part.double() for part in known)
        return attend(q_THD, k_LKD, v_LKD, start=start, **self.shape.options).flatten(1)


def assert_near(found: Tensor, expected: Tensor, library: Library, dtype: torch.dtype) -> None:
    """Queries and probabilities are rounded to bfloat16 only where the processor multiplies it."""
    rounded = dtype is torch.bfloat16 and library.isa.name == "avx512bf16"
    worst = 1.5e-2 if rounded else 2e-6
    assert (found - expected).abs().max() <= worst * (1 + expected.abs().max())
    if rounded:
        assert (found - expected).square().mean().sqrt() <= 4e-3 * expected.square().mean().sqrt()


PLAIN = [Shape(3, 3, 8), Shape(6, 2, 32), Shape(3, 1, 64), Shape(2, 2, 80), Shape(8, 1, 128), Shape(16, 2, 6)]
SHAPED = [
    Shape(3, 1, 16, window=1),
    Shape(3, 1, 16, window=17),
    Shape(4, 2, 32, window=40, sinks=3),
    Shape(2, 2, 16, window=150, sinks=130),
    Shape(6, 2, 64, soft_cap=2.0),
    Shape(2, 1, 8, window=64, soft_cap=30.0),
]
LENGTHS = [1, 15, 16, 17, 63, 64, 65, 129, 300]


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("shape", PLAIN + SHAPED)
def test_attention(program, shape, dtype):
    lengths = [1, 17, 65, 300] if shape.dim > 64 else LENGTHS
    sequences = Sequences(shape, lengths, dtype)
    runs = [(which, 0, length) for which, length in enumerate(lengths)]
    for out, run in zip(sequences.run(program.library, program.threads, *runs), runs, strict=True):
        assert_near(out, sequences.expected(*run), program.library, dtype)


@pytest.mark.parametrize("dtype", BOTH)
def test_a_long_past_is_walked_in_splits_and_merged(program, dtype):
    shape = Shape(3, 1, 8)
    sequences = Sequences(shape, [4200, 2049], dtype)
    runs = [(0, 4199, 1), (1, 2040, 9)]
    found = torch.cat(sequences.run(program.library, program.threads, *runs))
    expected = torch.cat([sequences.expected(*run) for run in runs])  # one token is too few for a mean error
    assert_near(found, expected, program.library, dtype)


def pieces(length: int, *cuts: int) -> list[tuple[int, int, int]]:
    return [(0, start, stop - start) for start, stop in itertools.pairwise([0, *cuts, length])]


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("shape", [PLAIN[1], PLAIN[4], SHAPED[2], SHAPED[4]])
def test_a_prompt_cut_anywhere_gives_the_same_bits(compiled, shape, dtype):
    length = 147
    sequences = Sequences(shape, [length], dtype)
    whole = sequences.run(compiled, 2, (0, 0, length))[0]
    for cuts in ((1,), (16,), (70, 71), (17, 64, 100), (128,), (*range(1, 20), *range(120, 147))):
        parts = [sequences.run(compiled, 1, piece)[0] for piece in pieces(length, *cuts)]
        assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("window", [None, 2100])
def test_splits_done_apart_give_the_same_bits_as_one_walk(compiled, window, dtype):
    """A few tokens far into a sequence are done in parts, many tokens group by group."""
    shape = Shape(2, 1, 8, window=window, sinks=1)
    sequences = Sequences(shape, [4300], dtype)
    many = sequences.run(compiled, 1, (0, 3700, 600))[0]
    for start, count, threads in ((4299, 1, 1), (4290, 10, 2), (4090, 20, 2), (3700, 70, 1)):
        few = sequences.run(compiled, threads, (0, start, count))[0]
        assert torch.equal(few, many[start - 3700 : start - 3700 + count])


@pytest.mark.parametrize("dtype", BOTH)
def test_a_row_does_not_depend_on_the_batch_or_the_threads(compiled, dtype):
    sequences = Sequences(Shape(6, 2, 32, window=90), [40, 1, 2200, 129, 16], dtype)
    runs = [(2, 2199, 1), (0, 0, 40), (1, 0, 1), (3, 60, 69), (4, 15, 1), (2, 2100, 33)]
    alone = [sequences.run(compiled, 1, run)[0] for run in runs]
    for threads in (1, 2, 3):
        together = sequences.run(compiled, threads, *runs)
        assert all(torch.equal(a, b) for a, b in zip(together, alone, strict=True))


def test_a_program_may_be_run_again(compiled):
    sequences = Sequences(Shape(3, 1, 16), [2100], torch.float32)
    program = Program(compiled, 2)
    out = torch.full((1, 48), torch.nan)
    add_attention(program, sequences.qkv[0][2099:], out, sequences.keys, sequences.values, scale=0.25)
    step = Runs((2099, 1, sequences.pages[0])).step
    program.run(step)
    first = out.clone()
    out.fill_(torch.nan)
    program.run(step)
    assert torch.equal(out, first)


@pytest.mark.parametrize("dtype", BOTH)
def test_what_lies_behind_the_last_token_is_never_read(compiled, dtype):
    """Slots of a page may hold what an earlier owner, or a refused draft, left there."""
    sequences = Sequences(Shape(3, 1, 16), [21], dtype)
    clean = sequences.run(compiled, 1, (0, 20, 1))[0]
    last = sequences.pages[0][1]
    for rubbish in (torch.inf, -torch.inf, 0.0, 1e30):
        sequences.keys[last, :, :, 5:] = rubbish
        sequences.values[last, :, 2, :, 1] = rubbish
        sequences.values[last, :, 3:] = rubbish
        assert torch.equal(sequences.run(compiled, 1, (0, 20, 1))[0], clean)


@pytest.mark.parametrize("dtype", BOTH)
def test_scores_far_apart_neither_overflow_nor_vanish(program, dtype):
    """One key towers over the others by thousands: after it only its value counts, before it all count alike."""
    sequences = Sequences(Shape(1, 1, 8), [200], dtype)
    sequences.qkv[0].fill_(100)
    k_LKD = torch.full((200, 1, 8), -50.0)
    k_LKD[130] = 50
    v_LKD = torch.randn(200, 1, 8)
    write_pages(sequences.keys, sequences.values, sequences.pages[0], k_LKD, v_LKD)
    out = sequences.run(program.library, program.threads, (0, 0, 200))[0]
    torch.testing.assert_close(out[130:], v_LKD[130].to(dtype).float().expand(70, -1))
    assert_near(out[:130], sequences.expected(0, 0, 130), program.library, dtype)


def test_reference_is_torch_attention():
    q_THD, k_LKD, v_LKD = torch.randn(9, 6, 16), torch.randn(30, 2, 16), torch.randn(30, 2, 16)
    mask_TL = torch.ones(9, 30, dtype=torch.bool).tril(21)
    expected = torch.nn.functional.scaled_dot_product_attention(
        q_THD.transpose(0, 1), k_LKD.transpose(0, 1), v_LKD.transpose(0, 1), mask_TL, enable_gqa=True
    )
    torch.testing.assert_close(attend(q_THD, k_LKD, v_LKD, start=21, scale=0.25), expected.transpose(0, 1))
