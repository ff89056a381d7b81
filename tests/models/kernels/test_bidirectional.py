"""A text's attention over itself against float64, and its bits alone and in company."""

import pytest
import torch

from secretariat.models.kernels.bidirectional.cpu import add_bidirectional
from secretariat.models.kernels.bidirectional.reference import bidirectional
from secretariat.models.kernels.library import Program
from tests.models.kernels.runs import Runs

LENGTHS = [1, 16, 37, 2, 70]


def run(program: Program, qkv_NF: torch.Tensor, heads: int, runs: Runs) -> torch.Tensor:
    out_NE = torch.full((len(qkv_NF), qkv_NF.shape[1] // 3), torch.nan)
    add_bidirectional(program, qkv_NF, out_NE, heads=heads, most=max(LENGTHS))
    program.run(runs.step)
    return out_NE


@pytest.mark.parametrize(("heads", "dim"), [(3, 32), (2, 64)])
def test_against_float64(program, heads, dim):
    runs = Runs(LENGTHS)
    qkv_NF = torch.randn(sum(LENGTHS) + 1, 3 * heads * dim) * 2
    out_NE = run(program, qkv_NF, heads, runs)
    for some in runs.slices():
        expected = bidirectional(qkv_NF[some].double(), heads)
        torch.testing.assert_close(out_NE[some].double(), expected, rtol=1e-5, atol=1e-5)
    assert out_NE[-1].isnan().all()


def test_no_bit_depends_on_company_or_threads(compiled):
    runs = Runs(LENGTHS)
    qkv_NF = torch.randn(sum(LENGTHS), 3 * 64)
    whole_NE = run(Program(compiled, 2), qkv_NF, 2, runs)
    for some, length in zip(runs.slices(), LENGTHS, strict=True):
        alone = run(Program(compiled, 1), qkv_NF[some].clone(), 2, Runs([length]))
        assert torch.equal(alone, whole_NE[some])


def test_scores_too_large_for_an_exponential(program):
    qkv_NF = torch.randn(5, 3 * 32) * 100
    out_NE = run(program, qkv_NF, 1, Runs([5]))
    torch.testing.assert_close(out_NE.double(), bidirectional(qkv_NF.double(), 1), rtol=1e-3, atol=1e-2)
