"""A text's attention over itself against float64, and its bits alone and in company.

Where there are products of bytes, it is in whole numbers: queries and keys are off by half a 127th of their
largest number, values by half a 511th.
"""

import pytest
import torch

from secretariat.models.kernels.bidirectional.cpu import add_bidirectional
from secretariat.models.kernels.bidirectional.reference import bidirectional
from secretariat.models.kernels.library import Program
from tests.models.kernels.runs import Runs

LENGTHS = [1, 16, 37, 2, 70, 600]  # more than 512 are summed in parts
IN_FLOATS = {"avx512", "avx2", "portable"}


def run(program: Program, qkv_NF: torch.Tensor, heads: int, runs: Runs) -> torch.Tensor:
    out_NE = torch.full((len(qkv_NF), qkv_NF.shape[1] // 3), torch.nan)
    add_bidirectional(program, qkv_NF, out_NE, heads=heads, most=max(LENGTHS))
    program.run(runs.step)
    return out_NE


@pytest.mark.parametrize(("heads", "dim"), [(3, 32), (2, 64), (1, 96)])
def test_against_float64(program, heads, dim):
    runs = Runs(LENGTHS)
    qkv_NF = torch.randn(sum(LENGTHS) + 1, 3 * heads * dim) * 2
    out_NE = run(program, qkv_NF, heads, runs)
    for some in runs.slices():
        expected = bidirectional(qkv_NF[some].double(), heads)
        if program.library.isa.name in IN_FLOATS:
            torch.testing.assert_close(out_NE[some].double(), expected, rtol=1e-5, atol=1e-5)
        assert (out_NE[some] - expected).norm() <= 0.03 * expected.norm()
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
    qkv_NF[:, 32:64] = qkv_NF[:, :32]  # each token's own key is the nearest by far
    out_NE = run(program, qkv_NF, 1, Runs([5]))
    expected_NE = bidirectional(qkv_NF.double(), 1)
    torch.testing.assert_close(expected_NE, qkv_NF[:, 64:].double())
    torch.testing.assert_close(out_NE.double(), expected_NE, rtol=1e-3, atol=0.5)
