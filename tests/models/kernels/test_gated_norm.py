"""The gated norm against float64: every order, groups, awkward widths, outputs poisoned."""

import pytest
import torch

from secretariat.models.kernels.gated_norm.cpu import add_gated_norm
from secretariat.models.kernels.gated_norm.reference import gated_norm
from tests.models.kernels.conftest import Rows

GATES = ["before", "after", None]


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize(("channels", "groups"), [(1, 1), (16, 1), (34, 2), (96, 4), (768, 1), (60, 4)])
def test_gated_norm(program, channels, groups, gate):
    projected = torch.randn(5, channels + 9) * 2
    y_NI, z_NI = torch.randn(5, channels) * 3, projected[:, 4 : 4 + channels]
    weight_I = None if gate is None else torch.randn(channels)
    out_NI = torch.full((6, channels), torch.nan)
    add_gated_norm(program, y_NI, z_NI, out_NI[:5], weight_I, gate=gate, groups=groups, eps=1e-5)
    program.run(Rows(5).step)
    weight = None if weight_I is None else weight_I.double()
    expected = gated_norm(y_NI.double(), z_NI.double(), weight, gate=gate, groups=groups, eps=1e-5)
    torch.testing.assert_close(out_NI[:5].double(), expected, rtol=5e-6, atol=5e-6)
    assert out_NI[5].isnan().all()


@pytest.mark.parametrize("gate", GATES)
def test_in_place_and_alone_give_the_same_bits(program, gate):
    y_NI, z_NI = torch.randn(7, 40), torch.randn(7, 40)
    weight_I = None if gate is None else torch.randn(40)
    alone = torch.empty(1, 40)
    add_gated_norm(program, y_NI[3:4].clone(), z_NI[3:4], alone, weight_I, gate=gate, groups=2, eps=1e-5)
    program.run(Rows(1).step)
    batch = type(program)(program.library, program.threads)
    add_gated_norm(batch, y_NI, z_NI, y_NI, weight_I, gate=gate, groups=2, eps=1e-5)
    batch.run(Rows(7).step)
    assert torch.equal(y_NI[3], alone[0])
