"""Singular-value vectors of mixed tenants against the dense recomposition in float64."""

from typing import Any

import numpy as np
import pytest
import torch

from secretariat.models.kernels.library import Program
from secretariat.models.kernels.linear.cpu import add_linear
from secretariat.models.kernels.linear.packing import LANES, Form, Packed, pack, unpack
from secretariat.models.kernels.svf.cpu import Part, add_svf
from secretariat.models.kernels.svf.reference import dense, svf
from secretariat.models.nets.weights import Values
from tests.models.kernels.test_lora import Mixed


def parts(outputs: int, inputs: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    weight_OI = torch.randn(outputs, inputs, dtype=torch.float64)
    u_OK, sigma_K, vt_KI = torch.linalg.svd(weight_OI, full_matrices=False)
    return u_OK, sigma_K, vt_KI.T


@pytest.mark.parametrize(("outputs", "inputs", "rank"), [(24, 40, 5), (40, 24, 24), (17, 33, 1)])
def test_the_factored_form_is_the_dense_one(outputs, inputs, rank):
    u_OK, sigma_K, v_IK = parts(outputs, inputs)
    x_NI = torch.randn(3, inputs, dtype=torch.float64)
    z_K = torch.rand(len(sigma_K), dtype=torch.float64) + 0.5
    z_K[rank:] = rest = 0.8
    expected = x_NI @ dense(u_OK, sigma_K, v_IK, z_K, 1.25).T
    y_NO = x_NI @ dense(u_OK, sigma_K, v_IK, torch.ones_like(z_K), 1.0).T
    factor_N1 = torch.full((3, 1), 1.25 * rest, dtype=torch.float64)
    gains_NR = (1.25 * sigma_K[:rank] * (z_K[:rank] - rest)).expand(3, -1)
    found = svf(y_NO, x_NI @ v_IK[:, :rank], factor_N1, gains_NR, u_OK[:, :rank])
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


OUTPUTS, INPUTS = 75, 64
PLACES = ((20, 30, 32, 9), (50, 23, 6, 45))  # first, count, rank, offset: parts begin and end within panels
ADAPTERS = 3


class Weighed:
    """A product of 75 columns with two parts, columns that neither has, and a row of numbers for each adapter."""

    def __init__(self, form: Form, directions: Form, inputs: int = INPUTS) -> None:
        self.weight = packed(torch.randn(OUTPUTS, inputs), form)
        self.down = packed(torch.randn(sum(rank for _, _, rank, _ in PLACES), inputs), directions)
        self.parts = [
            Part(offset, first, count, packed(below_zeros(torch.randn(count, rank), first), directions))
            for first, count, rank, offset in PLACES
        ]
        self.table_AX = torch.randn(ADAPTERS, 60)
        self.table_AX[0] = 0
        self.table_AX[0, [part.offset for part in self.parts]] = 1

    def add(self, program: Program, x_NI: torch.Tensor, y_NO: torch.Tensor, **how: Any) -> None:
        add_svf(program, self.weight, self.down, self.parts, self.table_AX, x_NI, y_NO, **how)

    def expected(self, x_NI: torch.Tensor, bias_O: torch.Tensor, adapter_of: np.ndarray) -> torch.Tensor:
        x_NI, table_NX = x_NI.double(), self.table_AX.double()[torch.from_numpy(adapter_of)]
        y_NO = x_NI @ unpack(self.weight).double().T + bias_O.double()
        t_NR, start = x_NI @ unpack(self.down).double().T, 0
        for part in self.parts:
            columns, gains = slice(part.first, part.first + part.count), part.offset + 1
            y_NO[:, columns] = svf(
                y_NO[:, columns], t_NR[:, start : start + part.rank], table_NX[:, part.offset, None],
                table_NX[:, gains : gains + part.rank], unpack(part.up).double()[-part.count :],
            )  # fmt: skip
            start += part.rank
        return y_NO


def packed(matrix: torch.Tensor, form: Form) -> Packed:
    return pack(Values(matrix.numpy()), form)


def below_zeros(up_OR: torch.Tensor, first: int) -> torch.Tensor:
    return torch.nn.functional.pad(up_OR, (0, 0, first % LANES, 0))


def outputs(rows: int) -> torch.Tensor:
    """Poisoned, and wider than the product: its rows lie apart."""
    return torch.full((rows, OUTPUTS + 5), torch.nan)[:, :OUTPUTS]


@pytest.mark.parametrize("counts", [(2, 1, 2), (20, 1, 12)])
@pytest.mark.parametrize("added", [False, True])
def test_rows_take_their_tenants_numbers(program, counts, added):
    weighed, mixed = Weighed("float32", "float32"), Mixed((2, 0, 1), counts)
    x_NI, bias_O, y_NO = torch.randn(sum(counts), INPUTS), torch.randn(OUTPUTS), outputs(sum(counts))
    expected = 0.5 * weighed.expected(x_NI, bias_O, mixed.adapter_of)
    if added:
        expected += y_NO.fill_(3.0)
        weighed.add(program, x_NI, y_NO, bias=bias_O, add=0.5)
    else:
        weighed.add(program, x_NI, y_NO, bias=bias_O, scale=0.5)
    program.run(mixed.step)
    torch.testing.assert_close(y_NO.double(), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("form", "directions", "inputs"),
    [("q8", "q8", 64), ("q4", "q8", 64), ("bfloat16", "float32", 64), ("float32", "q8", 4096)],
)
def test_quantised_directions_stay_close(program, form, directions, inputs):
    """The last doesn't fit into a cache and is taken in pieces."""
    weighed, mixed = Weighed(form, directions, inputs), Mixed((1, 2), (31, 33))
    x_NI, bias_O, y_NO = torch.randn(64, inputs), torch.zeros(OUTPUTS), outputs(64)
    weighed.add(program, x_NI, y_NO)
    program.run(mixed.step)
    expected = weighed.expected(x_NI, bias_O, mixed.adapter_of)
    assert (y_NO.double() - expected).norm() / expected.norm() < 0.02


@pytest.mark.parametrize("form", ["float32", "bfloat16", "q8", "q4"])
@pytest.mark.parametrize("added", [False, True])
def test_the_base_models_rows_have_the_plain_products_bits(program, form, added):
    weighed, x_NI, bias_O = Weighed(form, "q8"), torch.randn(21, INPUTS), torch.randn(OUTPUTS)
    how: dict[str, Any] = {"bias": bias_O, **({"add": 0.3} if added else {"scale": 0.3})}
    mixed, alone, plain = (outputs(21).fill_(1) for _ in range(3))
    weighed.add(program, x_NI, mixed, **how)
    program.run(Mixed((2, 0, 1), (3, 14, 4)).step)
    without = Program(program.library, program.threads)
    weighed.add(without, x_NI, alone, **how)
    add_linear(without, weighed.weight, x_NI, plain, **how)
    without.run(Mixed((0,), (21,)).step)
    assert torch.equal(mixed[3:17], plain[3:17])
    assert torch.equal(alone, plain)
    assert not torch.equal(mixed, plain)


def test_a_row_does_not_depend_on_its_company(program):
    weighed, x_NI = Weighed("q4", "q8"), torch.randn(40, INPUTS)
    together, alone = outputs(40), outputs(40)
    weighed.add(program, x_NI, together)
    program.run(Mixed((2, 0, 1), (13, 14, 13)).step)
    for row, adapter in ((5, 2), (12, 2), (30, 1)):
        single = Program(program.library, program.threads)
        weighed.add(single, x_NI[row : row + 1], alone[row : row + 1])
        single.run(Mixed((adapter,), (1,)).step)
        assert torch.equal(together[row], alone[row])
