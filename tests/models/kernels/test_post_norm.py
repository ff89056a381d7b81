"""Products and feed-forwards that are added and normalised, against float64; bits of a row in any company."""

import pytest
import torch

from secretariat.models.kernels.library import Program
from secretariat.models.kernels.linear.packing import pack
from secretariat.models.kernels.post_norm.cpu import (
    Biased,
    LayerNorm,
    add_post_feed_forward,
    add_post_product,
)
from secretariat.models.kernels.post_norm.reference import post_feed_forward, post_product
from secretariat.models.kernels.u8_linear.packing import pack_u8
from secretariat.models.nets.weights import Values
from tests.models.kernels.conftest import Rows

ROWS = [1, 17, 64, 150]


def biased(outputs: int, inputs: int, form: str = "u8") -> Biased:
    draw = torch.Generator().manual_seed(outputs * inputs)
    weight_OI = (torch.randn(outputs, inputs, generator=draw) / inputs**0.5).numpy()
    weight = pack_u8(weight_OI) if form == "u8" else pack(Values(weight_OI), "bfloat16")
    return Biased(weight, torch.randn(outputs, generator=draw))


def layer_norm(width: int) -> LayerNorm:
    return LayerNorm(torch.rand(width) + 0.5, torch.randn(width), 1e-12)


def close(y_NE: torch.Tensor, expected_NE: torch.Tensor) -> None:
    """Codes of x may fall the other way at a half."""
    assert (y_NE - expected_NE).norm() <= 0.005 * expected_NE.norm()
    torch.testing.assert_close(y_NE.double(), expected_NE, rtol=1e-3, atol=0.1)


@pytest.mark.parametrize("form", ["u8", "bfloat16"])
@pytest.mark.parametrize(("width", "inputs"), [(96, 64), (50, 32)])
def test_product(program, width, inputs, form):
    by, norm = biased(width, inputs, form), layer_norm(width)
    x_NI, y_NE = torch.randn(70, inputs), torch.randn(71, width)
    before_NE = y_NE.clone()
    add_post_product(program, by, x_NI, y_NE, norm)
    program.run(Rows(70).step)
    close(y_NE[:70], post_product(by, x_NI.double(), before_NE[:70].double(), norm))
    assert torch.equal(y_NE[70], before_NE[70])


@pytest.mark.parametrize("form", ["u8", "bfloat16"])
def test_feed_forward(program, form):
    up, down, norm = biased(160, 64, form), biased(64, 160, form), layer_norm(64)
    y_NE = torch.randn(71, 64)
    before_NE = y_NE.clone()
    add_post_feed_forward(program, up, down, y_NE, norm)
    program.run(Rows(70).step)
    close(y_NE[:70], post_feed_forward(up, down, before_NE[:70].double(), norm))
    assert torch.equal(y_NE[70], before_NE[70])


@pytest.mark.parametrize("form", ["u8", "bfloat16"])
def test_no_bit_depends_on_rows_or_threads(compiled, form):
    up, down, norm = biased(96, 64, form), biased(64, 96, form), layer_norm(64)
    before_NE = torch.randn(max(ROWS), 64)
    mixed_NI = torch.randn(max(ROWS), 64)
    by = biased(64, 64, form)

    def run(rows: slice, threads: int) -> torch.Tensor:
        y_NE = before_NE[rows].clone()
        program = Program(compiled, threads)
        add_post_product(program, by, mixed_NI[rows].clone(), y_NE, norm)
        add_post_feed_forward(program, up, down, y_NE, norm)
        program.run(Rows(len(y_NE)).step)
        return y_NE

    whole = run(slice(None), 2)
    for rows in ROWS:
        assert torch.equal(run(slice(rows), 1), whole[:rows]), rows
    assert torch.equal(run(slice(100, 101), 1)[0], whole[100])


def test_what_would_read_past_a_matrix_is_refused(program):
    with pytest.raises(AssertionError):
        add_post_product(program, biased(32, 64), torch.zeros(2, 32), torch.zeros(2, 32), layer_norm(32))
    with pytest.raises(AssertionError):
        add_post_feed_forward(program, biased(64, 32), biased(32, 96), torch.zeros(2, 32), layer_norm(32))
