"""bfloat16 in 12 bits: which weights stay as they are, how far the others move, what x loses, what is refused."""

from pathlib import Path

import pytest
import torch

from secretariat.models.errors import ModelError
from secretariat.models.kernels.linear.cpu import add_linear
from secretariat.models.kernels.linear.packing import Packed, pack, packed_bytes, unpack
from secretariat.models.kernels.linear.reference import linear, rounded_rows
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.nets.weights import Values
from tests.models.kernels.conftest import Rows

SMOLLM2 = Path(".secretariat/models/smollm2-135m-instruct")


def packed(weights_OI) -> Packed:
    return pack(Values(weights_OI.float().numpy()), "bfloat16")


def octave(weights_OI):
    """Of the largest weight of each one's group: 2^k <= |w| < 2^(k+1)."""
    groups = weights_OI.abs().reshape(len(weights_OI), -1, 32).amax(-1, keepdim=True)
    return torch.exp2(torch.floor(torch.log2(groups))).expand(-1, -1, 32).reshape(weights_OI.shape)


def run(program, weight, x_NI):
    y_NO = torch.full((len(x_NI), weight.outputs), torch.nan)
    add_linear(program, weight, x_NI, y_NO)
    program.run(Rows(len(x_NI)).step)
    return y_NO


def every_bfloat16():
    """All that are finite and not below 2^-110, each beside the power of two that bounds its group."""
    bits = torch.arange(0, 0x7F80, dtype=torch.int32)
    values = (bits << 16).view(torch.float32)
    return values[values >= 2.0**-110]


def test_every_number_within_seven_octaves_is_exact():
    values = every_bfloat16()
    weights = torch.zeros(len(values), 32)
    for below in range(7):
        weights[:, 3] = values
        weights[:, 20] = torch.exp2(torch.floor(torch.log2(values)) - below).clamp(min=2.0**-110)
        weights[:, 31] = -weights[:, 20] * 1.9921875
        weights = torch.where(weights.abs() >= octave(weights) / 64, weights, 0)
        assert torch.equal(unpack(packed(weights)), weights), below


def test_weights_further_below_move_half_a_unit_at_most():
    weights = torch.randn(256, 256, generator=torch.Generator().manual_seed(0)).bfloat16().float()
    weights *= torch.exp2(-torch.randint(0, 20, weights.shape, generator=torch.Generator().manual_seed(1)))
    held, unit = unpack(packed(weights)), octave(weights) * 2.0**-13
    assert ((held - weights).abs() <= unit / 2).all()
    exact = weights.abs() >= octave(weights) / 64
    assert torch.equal(held[exact], weights[exact])
    assert (held != weights).float().mean() > 0.05


def test_random_weights_lose_a_hundred_thousandth():
    weights = torch.randn(512, 1024, generator=torch.Generator().manual_seed(0)).bfloat16().float()
    held = unpack(packed(weights))
    assert (held != weights).float().mean() < 0.03
    assert (held - weights).norm() < 2e-5 * weights.norm()
    assert (held == 0).float().mean() < 1e-4


@pytest.mark.skipif(not SMOLLM2.exists(), reason="no SmolLM2 in the models directory")
def test_real_weights_lose_a_hundred_thousandth():
    source = open_checkpoint(SMOLLM2).weights["layers.3.feed_forward.down.weight"]
    weights = unpack(pack(source, "float32")).bfloat16().float()
    held = unpack(packed(weights))
    assert (held - weights).norm() < 2e-5 * weights.norm()


def test_tiny_numbers_and_zeros(program):
    weights = torch.zeros(17, 64)
    weights[1, 3], weights[1, 4] = 2.0**-133, -(2.0**-126)  # a subnormal number and the smallest other
    weights[2, :32], weights[2, 32] = -0.0, 2.0**-100
    weights[3, 5], weights[3, 6] = 1.5 * 2.0**126, 1.0
    held = unpack(packed(weights))
    assert (held[1] == 0).all()
    assert (held[2, :32] == 0).all()
    assert held[2, 32] == 2.0**-100
    assert held[3].tolist() == weights[3].where(weights[3] > 1, torch.tensor(0.0)).tolist()
    x_NI = torch.ones(2, 64) * 1e-3
    y_NO = run(program, packed(weights), x_NI)
    torch.testing.assert_close(y_NO, linear(x_NI, packed(weights)), rtol=1e-3, atol=0)
    assert (y_NO[:, [0, 1]] == 0).all()


def test_the_largest_sums_of_a_group_fit(program):
    """All weights and all of x at their largest: 32 products of 16320 and 4095 in 31 bits."""
    weights = torch.full((16, 64), 255 / 128)
    weights[1::2] *= -1
    x_NI = torch.full((13, 64), 7.0)
    x_NI[1::2] *= -1
    torch.testing.assert_close(run(program, packed(weights), x_NI), linear(x_NI, packed(weights)))


@pytest.mark.parametrize("bad", [torch.inf, -torch.inf, torch.nan])
def test_weights_that_are_not_finite_are_refused(bad):
    weights = torch.randn(20, 40)
    weights[18, 39] = bad
    with pytest.raises(ModelError, match="infinite or no numbers"):
        packed(weights)


@pytest.mark.parametrize("bad", [torch.inf, -torch.inf, torch.nan])
@pytest.mark.parametrize("rows", [1, 13])
def test_a_row_that_is_not_finite_says_so_and_spoils_no_other(program, bad, rows):
    weight, x_NI = packed(torch.randn(20, 70)), torch.randn(rows + 1, 70)
    clean = run(program, weight, x_NI)
    x_NI[0, 66] = bad
    y_NO = torch.full((rows + 1, 20), 5.0)
    add_linear(program, weight, x_NI, y_NO)
    program.run(Rows(rows + 1).step)
    assert not y_NO[0].isfinite().any()
    assert torch.equal(y_NO[1:], clean[1:])


def test_x_loses_less_than_rounded_to_bfloat16():
    draw = torch.Generator().manual_seed(0)
    x_NI, weights = torch.randn(64, 768, generator=draw), torch.randn(128, 768, generator=draw)
    exact = x_NI.double() @ weights.double().T
    ours = rounded_rows(x_NI.double(), 4095) @ weights.double().T
    theirs = x_NI.bfloat16().double() @ weights.double().T
    assert (ours - exact).norm() < 2.5e-4 * exact.norm()
    assert (ours - exact).norm() < (theirs - exact).norm() / 6


def test_a_matrix_takes_twelve_bits_a_weight_and_a_byte_a_group():
    assert packed_bytes((16, 128), "bfloat16") == 16 * 128 * 12 // 8 + 16 * 4
    assert packed_bytes((16, 160), "bfloat16") == 16 * 160 * 12 // 8 + 2 * 64
    assert packed(torch.zeros(17, 37)).nbytes == packed_bytes((17, 37), "bfloat16")
