"""Singular-value vectors of mixed tenants against the dense recomposition in float64."""

import pytest
import torch

from secretariat.models.kernels.svf.cpu import add_accumulate, add_svf
from secretariat.models.kernels.svf.reference import dense, svf
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


def test_rows_take_their_tenants_numbers_and_the_base_is_untouched(program):
    mixed = Mixed((2, 0, 1), (2, 1, 2))
    y_NO, t_NR = torch.randn(5, 20), torch.randn(5, 6)
    table_AX = torch.randn(3, 30)
    table_AX[0] = 0
    table_AX[0, 9] = 1
    expected_y, expected_t = y_NO.clone(), t_NR.clone()
    for token, adapter in enumerate(mixed.adapter_of):
        expected_y[token, 4:14] *= table_AX[adapter, 9]
        expected_t[token] *= table_AX[adapter, 10:16]
    add_svf(program, y_NO, t_NR, table_AX, offset=9, first=4, count=10)
    program.run(mixed.step)
    assert torch.equal(y_NO, expected_y)
    assert torch.equal(t_NR, expected_t)


def test_accumulate_adds_only_the_steps_tokens(program):
    x_NO, y_NO = torch.randn(5, 19), torch.randn(5, 19)
    expected = y_NO.clone()
    expected[:3] += 0.5 * x_NO[:3]
    add_accumulate(program, x_NO, y_NO, add=0.5)
    program.run(Mixed((0,), (3,)).step)
    torch.testing.assert_close(y_NO, expected)
    assert torch.equal(y_NO[3:], expected[3:])
