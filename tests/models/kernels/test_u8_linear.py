"""Products in eight bits against the reference in float64; bits of a row in any company."""

import pytest
import torch

from secretariat.models.kernels.library import Program
from secretariat.models.kernels.u8_linear.cpu import add_u8_linear
from secretariat.models.kernels.u8_linear.packing import U8Packed, pack_u8, unpack_u8
from secretariat.models.kernels.u8_linear.reference import u8_linear
from tests.models.kernels.conftest import Rows


def drawn(outputs: int, inputs: int) -> tuple[torch.Tensor, U8Packed, torch.Tensor]:
    """A matrix, it packed, and a bias."""
    draw = torch.Generator().manual_seed(outputs * inputs)
    weight_OI = torch.randn(outputs, inputs, generator=draw)
    return weight_OI, pack_u8(weight_OI.numpy()), torch.randn(outputs, generator=draw)


def product(program: Program, weight: U8Packed, bias_O: torch.Tensor, x_NI: torch.Tensor) -> torch.Tensor:
    y_NO = torch.full((len(x_NI) + 1, weight.outputs), torch.nan)
    add_u8_linear(program, weight, bias_O, x_NI, y_NO)
    program.run(Rows(len(x_NI)).step)
    assert y_NO[-1].isnan().all(), "a row behind the last was written"
    return y_NO[:-1]


@pytest.mark.parametrize(("outputs", "inputs"), [(50, 32), (16, 128), (113, 192), (96, 576)])
def test_against_float64(program, outputs, inputs):
    weight_OI, weight, bias_O = drawn(outputs, inputs)
    x_NI = torch.randn(70, inputs) + 3  # a mean that codes around zero would waste half of themselves on
    x_NI[3] = 0
    x_NI[4, :20] = 500
    y_NO = product(program, weight, bias_O, x_NI).double()
    expected_NO = u8_linear(x_NI.double(), weight, bias_O)
    assert (y_NO - expected_NO).norm() <= 0.001 * expected_NO.norm(), "codes may fall the other way at a half"
    exact_NO = x_NI.double() @ weight_OI.double().T + bias_O
    assert (y_NO - exact_NO).norm() <= 0.01 * exact_NO.norm()
    torch.testing.assert_close(y_NO[3], bias_O.double(), rtol=0, atol=1e-5)


def test_no_bit_depends_on_rows_or_threads(compiled):
    _, weight, bias_O = drawn(112, 96)
    x_NI = torch.randn(150, 96)
    whole_NO = product(Program(compiled, 2), weight, bias_O, x_NI)
    for rows in (slice(1), slice(17), slice(64), slice(100, 101)):
        assert torch.equal(product(Program(compiled, 1), weight, bias_O, x_NI[rows].clone()), whole_NO[rows])


def test_weights_are_kept_to_a_127th_of_their_groups_largest():
    weight_OI, weight, _ = drawn(20, 96)
    assert weight.group == 96
    missed_OI = (unpack_u8(weight) - weight_OI).abs()
    assert missed_OI.norm() <= 0.007 * weight_OI.norm()
    zeros = pack_u8(torch.zeros(3, 64).numpy())
    assert not unpack_u8(zeros).any()


def test_what_would_read_past_a_matrix_is_refused(program):
    _, weight, bias_O = drawn(32, 64)
    for x, y, bias in ((32, 32, 32), (64, 16, 32), (64, 32, 16)):
        with pytest.raises(AssertionError):
            add_u8_linear(program, weight, bias_O[:bias].clone(), torch.zeros(2, x), torch.zeros(2, y))
