"""Every implementation of the activations against float64, on awkward widths, outputs poisoned."""

import pytest
import torch

from secretariat.models.kernels.glu.cpu import add_glu, add_soft_cap
from secretariat.models.kernels.glu.reference import activate, glu, soft_cap
from tests.models.kernels.conftest import Rows

ACTIVATIONS = ["silu", "relu2", "gelu", "gelu_tanh"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [1, 17, 300])
def test_gated(program, hidden, activation):
    x_NG = torch.randn(5, 2 * hidden) * 3
    y_NF = torch.full((6, hidden), torch.nan)
    add_glu(program, x_NG, y_NF, activation)
    program.run(Rows(5).step)
    torch.testing.assert_close(y_NF[:5].double(), glu(x_NG.double(), activation), rtol=2e-5, atol=2e-6)
    assert y_NF[5:].isnan().all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_plain(program, activation):
    x_NF = torch.linspace(-40, 40, 999).view(3, 333)
    y_NF = torch.full((3, 333), torch.nan)
    add_glu(program, x_NF, y_NF, activation)
    program.run(Rows(3).step)
    torch.testing.assert_close(y_NF.double(), activate(x_NF.double(), activation), rtol=2e-5, atol=2e-6)


def test_the_cap_bounds_wanted_rows_alone(program):
    x_MV = torch.linspace(-500, 500, 3 * 257).view(3, 257)
    before_MV = x_MV.clone()
    add_soft_cap(program, x_MV, 30.0)
    program.run(Rows(7, wanted=(2, 4)).step)
    torch.testing.assert_close(
        x_MV[:2].double(), soft_cap(before_MV[:2].double(), 30.0), rtol=1e-5, atol=1e-5
    )
    assert torch.equal(x_MV[2], before_MV[2])
