"""The packed linear layer equals the dense one, on awkward shapes and on the real weights."""

import shutil

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, quantize

from secretariat.models.kernels.quantised_linear.cpu import MAX_ROWS, build
from secretariat.models.kernels.quantised_linear.reference import (
    Q4_1,
    Q8_0,
    PackedRows,
    dequantised,
    quantised_linear,
)

CC = shutil.which("cc")
needs_compiler = pytest.mark.skipif(CC is None, reason="no C compiler: the dense layer does the work")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    assert CC is not None
    return build(CC, tmp_path_factory.mktemp("kernels"))


def packed(form: int, outputs: int, inputs: int) -> PackedRows:
    weights = np.random.default_rng(outputs).normal(size=(outputs, inputs)).astype(np.float32)
    rows = quantize(weights, GGMLQuantizationType(form)).view(np.uint8)
    return PackedRows(form, torch.from_numpy(rows.copy()))


@needs_compiler
@pytest.mark.parametrize("form", [Q4_1, Q8_0])
@pytest.mark.parametrize(("outputs", "inputs"), [(1, 32), (7, 96), (192, 576), (33, 1536)])
@pytest.mark.parametrize("rows", range(1, MAX_ROWS + 1))
def test_the_kernel_is_the_reference_up_to_the_order_of_sums(kernel, form, outputs, inputs, rows):
    matrix = packed(form, outputs, inputs)
    x_MI = torch.randn(rows, inputs, generator=torch.Generator().manual_seed(rows))
    expected = torch.nn.functional.linear(x_MI.double(), dequantised(matrix).double())
    torch.testing.assert_close(kernel(x_MI, matrix).double(), expected, rtol=1e-5, atol=3e-4)
    torch.testing.assert_close(quantised_linear(x_MI, matrix).double(), expected, rtol=1e-5, atol=3e-4)


@needs_compiler
def test_a_view_with_gaps_is_read_right(kernel):
    matrix = packed(Q4_1, 5, 64)
    wide = torch.randn(3, 128)
    torch.testing.assert_close(kernel(wide[:, ::2], matrix), kernel(wide[:, ::2].contiguous(), matrix))


@needs_compiler
@pytest.mark.parametrize(
    "x_MI", [torch.zeros(1, 32), torch.zeros(9, 64), torch.zeros(0, 64), torch.zeros(1, 64).double()]
)
def test_what_would_read_past_a_tensor_is_refused(kernel, x_MI):
    with pytest.raises(ValueError, match="do not fit"):
        kernel(x_MI, packed(Q4_1, 5, 64))


def test_blocks_of_an_unknown_format_are_refused():
    with pytest.raises(ValueError, match="format the kernel knows"):
        PackedRows(12, torch.zeros(1, 20, dtype=torch.uint8))


def test_without_a_working_compiler_there_is_no_kernel(tmp_path):
    assert build("/bin/false", tmp_path) is None
    assert list(tmp_path.iterdir()) == []
