"""Every implementation of the norm against float64, on awkward widths, outputs poisoned."""

import pytest
import torch

from secretariat.models.kernels.norm.cpu import add_norm
from secretariat.models.kernels.norm.reference import norm
from tests.models.kernels.conftest import Rows

WIDTHS = [1, 15, 16, 17, 64, 576, 769]


@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
def test_norm(program, width, mean):
    x_NE = torch.randn(5, width) * 3 + 1
    weight_E = torch.randn(width)
    expected = norm(x_NE.double(), weight_E.double(), eps=1e-5, mean=mean)
    y_NE = torch.full((5, width), torch.nan)
    add_norm(program, x_NE, y_NE, weight_E, eps=1e-5, mean=mean)
    program.run(Rows(5).step)
    torch.testing.assert_close(y_NE.double(), expected, rtol=2e-6, atol=2e-5)
    torch.testing.assert_close(
        norm(x_NE, weight_E, eps=1e-5, mean=mean).double(), expected, rtol=2e-6, atol=2e-5
    )


def test_only_wanted_rows_are_packed_together(program):
    x_NE, weight_E = torch.randn(7, 40), torch.ones(40)
    y_ME = torch.full((3, 40), torch.nan)
    add_norm(program, x_NE, y_ME, weight_E, eps=1e-5, mean=False, wanted=True)
    program.run(Rows(7, wanted=(1, 6)).step)
    torch.testing.assert_close(y_ME[:2], norm(x_NE, weight_E, eps=1e-5, mean=False)[[1, 6]])
    assert y_ME[2].isnan().all()


def test_a_row_does_not_depend_on_the_others(program):
    x_NE, weight_E = torch.randn(9, 100), torch.randn(100)
    whole, alone = torch.empty(9, 100), torch.empty(1, 100)
    add_norm(program, x_NE, whole, weight_E, eps=1e-5, mean=True)
    program.run(Rows(9).step)
    single = type(program)(program.library, 1)
    add_norm(single, x_NE[4:5].clone(), alone, weight_E, eps=1e-5, mean=True)
    single.run(Rows(1).step)
    assert torch.equal(alone[0], whole[4])
