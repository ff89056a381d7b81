"""The packed product: what its forms hold, its sums against float64, its bits for any number of rows."""

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, dequantize, quantize

from secretariat.models.kernels.library import Program, library
from secretariat.models.kernels.linear.cpu import add_linear
from secretariat.models.kernels.linear.packing import Form, Packed, pack, unpack
from secretariat.models.kernels.linear.reference import linear
from secretariat.models.nets.weights import Stacked, Values
from tests.models.kernels.conftest import Rows

FORMS: list[Form] = ["float32", "bfloat16", "q8", "q4"]
SHAPES = [(1, 32), (16, 64), (33, 96), (70, 576), (50, 37), (5, 1)]
ROWS = [1, 2, 3, 7, 16, 17, 64, 256]


class Blocks:
    """A matrix as a GGUF file holds it."""

    def __init__(self, form: str, shape: tuple[int, int], raw: np.ndarray) -> None:
        self.form, self.shape = form, shape
        self._raw = raw

    def raw(self):
        return self._raw

    def dequantised(self):
        return torch.from_numpy(dequantize(self._raw, GGMLQuantizationType[self.form]).copy())


def matrix(outputs: int, inputs: int, form: Form) -> Packed:
    draw = torch.Generator().manual_seed(outputs * inputs)
    return pack(Values(torch.randn(outputs, inputs, generator=draw).numpy()), form)


def run(program: Program, weight: Packed, x_NI, rows: int | None = None, **options):
    y_NO = torch.full((len(x_NI), weight.outputs), torch.nan)
    add_linear(program, weight, x_NI, y_NO, **options)
    program.run(Rows(len(x_NI) if rows is None else rows).step)
    return y_NO


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("outputs", "inputs"), SHAPES)
def test_against_float64(program, form, outputs, inputs):
    weight = matrix(outputs, inputs, form)
    x_NI, bias_O = torch.randn(19, inputs) * 3, torch.randn(outputs)
    y_NO = run(program, weight, x_NI, rows=17, bias=bias_O)
    expected = linear(x_NI[:17].double(), weight, bias_O.double())
    # codes of x may fall the other way at a half
    rounding, step = {"float32": (2e-6, 1e-3), "bfloat16": (2e-4, 0.01)}.get(weight.form, (0.01, 0.05))
    assert (y_NO[:17] - expected).norm() <= rounding * expected.norm()
    torch.testing.assert_close(y_NO[:17].double(), expected, rtol=1e-4, atol=step)
    assert y_NO[17:].isnan().all()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("inputs", [97, 288])
def test_no_bit_depends_on_rows_or_threads(compiled, form, inputs):
    weight, x_NI = matrix(50, inputs, form), torch.randn(max(ROWS), inputs)
    whole = run(Program(compiled, 2), weight, x_NI)
    for rows in ROWS:
        for threads in (1, 2):
            some = run(Program(compiled, threads), weight, x_NI[:rows])
            assert torch.equal(some, whole[:rows]), (rows, threads)
    alone = run(Program(compiled, 1), weight, x_NI[100:101])
    assert torch.equal(alone[0], whole[100])


@pytest.mark.parametrize("form", FORMS)
def test_instruction_sets_with_fused_sums_agree_to_the_bit(compiled, form):
    weight = matrix(40, 96, form)
    x_NI = torch.randn(9, 96, generator=torch.Generator().manual_seed(1))
    mine = run(Program(compiled, 1), weight, x_NI)
    portable = library("portable")
    assert portable is not None
    assert torch.equal(mine, run(Program(portable, 1), weight, x_NI))


@pytest.mark.parametrize("form", FORMS)
def test_scaled_or_added_in_columns_of_wider_buffers(program, form):
    weight, bias_O = matrix(20, 64, form), torch.randn(20)
    wide_NI, wide_NO = torch.randn(6, 100), torch.randn(6, 60)
    before_NO, plain_NO = wide_NO.clone(), run(program, weight, wide_NI[:, 20:84].contiguous(), bias=bias_O)
    again = Program(program.library, program.threads)
    add_linear(again, weight, wide_NI[:, 20:84], wide_NO[:, 8:28], bias=bias_O, add=0.5)
    again.run(Rows(6).step)
    torch.testing.assert_close(wide_NO[:, 8:28], before_NO[:, 8:28] + 0.5 * plain_NO)
    assert torch.equal(wide_NO[:, 28:], before_NO[:, 28:])
    scaled_NO = run(Program(program.library, 1), weight, wide_NI[:, 20:84], bias=bias_O, scale=3.0)
    torch.testing.assert_close(scaled_NO, 3 * plain_NO)


def test_only_as_many_rows_as_logits_are_wanted(program):
    weight, x_NI = matrix(20, 64, "q4"), torch.randn(5, 64)
    y_NO = torch.full((5, 20), torch.nan)
    add_linear(program, weight, x_NI, y_NO, wanted=True)
    program.run(Rows(5, wanted=(0, 3)).step)
    assert y_NO[:2].isfinite().all()
    assert y_NO[2:].isnan().all()


def test_rows_of_zeros_and_of_tiny_numbers_stay_finite(program):
    x_NI = torch.zeros(3, 64)
    x_NI[1], x_NI[2] = 1e-38, 1e30
    y_NO = run(program, matrix(16, 64, "q8"), x_NI)
    assert (y_NO[:2] == 0).all()
    assert y_NO.isfinite().all()


@pytest.mark.parametrize("form", ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q8_0"])
def test_what_panels_hold_exactly(form):
    weights = np.random.default_rng(0).normal(size=(37, 96)).astype(np.float32)
    if form in {"F16", "BF16"}:
        weights[np.abs(weights) < 0.1] = 0.1  # below the seven octaves that bfloat16 is exact in
    if form == "F16":
        bits = weights.astype(np.float16).astype(np.float32).view(np.uint32)
        weights = (bits & 0xFFFF0000).view(np.float32)  # what bfloat16 can hold too
    raw = quantize(weights, GGMLQuantizationType[form])
    source = Blocks(form, weights.shape, raw.view(np.uint8).reshape(37, -1))
    torch.testing.assert_close(unpack(pack(source)), source.dequantised().view(37, 96), rtol=0, atol=1e-7)
    torch.testing.assert_close(unpack(pack(source, "float32")), source.dequantised().view(37, 96))


@pytest.mark.parametrize(("form", "held", "bytes_of_256"), [("Q4_K", "q4", 144), ("Q6_K", "q8", 210)])
def test_super_blocks_of_any_bytes(form, held, bytes_of_256):
    raw = np.random.default_rng(0).integers(0, 256, (20, 2, bytes_of_256)).astype(np.uint8)
    scales = slice(0, 4) if form == "Q4_K" else slice(208, 210)
    raw[..., scales] = np.full((20, 2, (scales.stop - scales.start) // 2), 0.01, "<f2").view(np.uint8)
    source = Blocks(form, (20, 512), raw.reshape(20, -1))
    packed, expected = pack(source), source.dequantised().view(20, 512)
    assert packed.form == held
    groups = expected.view(20, -1, 32)
    allowed = groups.abs().amax(-1, keepdim=True) * (1e-3 if held == "q4" else 0.5 / 127 * 1.01)
    assert ((unpack(packed) - expected).view_as(groups).abs() <= allowed).all()
    torch.testing.assert_close(unpack(pack(source, "float32")), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("form", "most"), [("q8", 0.006), ("q4", 0.08)])
def test_floats_quantised_lose_little(form, most):
    weights = torch.randn(64, 1024, generator=torch.Generator().manual_seed(0))
    weights[3, 64:96] = 0
    weights[4, 64:96] = 0.25
    back = unpack(pack(Values(weights.numpy()), form))
    assert (back - weights).norm() < most * weights.norm()
    assert (back[3, 64:96] == 0).all()
    torch.testing.assert_close(back[4, 64:96], weights[4, 64:96], rtol=1e-3, atol=0)


def test_experts_are_packed_one_after_the_other():
    parts = [Values(np.random.default_rng(i).normal(size=(20, 64)).astype(np.float32)) for i in range(3)]
    packed = pack(Stacked(parts))
    assert (packed.matrices, packed.count) == (3, 2)
    expected = torch.stack([torch.from_numpy(part.floats()) for part in parts])
    assert torch.equal(unpack(packed), expected)


def test_groups_need_inputs_in_groups():
    assert matrix(16, 40, "q4").form == "bfloat16"
    assert matrix(16, 40, "q8").form == "bfloat16"


def test_what_would_read_past_a_tensor_is_refused(program):
    weight = matrix(16, 64, "q4")
    for x, y in (((2, 63), (2, 16)), ((2, 64), (2, 17))):
        with pytest.raises(AssertionError):
            add_linear(program, weight, torch.zeros(x), torch.zeros(y))
    with pytest.raises(AssertionError, match="float32"):
        add_linear(program, weight, torch.zeros(2, 64).double(), torch.zeros(2, 16))
    with pytest.raises(AssertionError, match="contiguous rows"):
        add_linear(program, weight, torch.zeros(64, 2).T, torch.zeros(2, 16))
