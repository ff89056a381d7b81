"""Singular-value vectors of mixed tenants against the dense recomposition in float64."""

import pytest
import torch

from secretariat.models.kernels.svf.cpu import Part, add_svf
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


def table_of(adapters: int) -> torch.Tensor:
    """Two parts: a factor at 9 with six gains, a factor at 16 with two. Row 0 is the base model."""
    table_AX = torch.randn(adapters, 30)
    table_AX[0] = 0
    table_AX[0, [9, 16]] = 1
    return table_AX


PARTS = (Part(offset=9, first=4, count=10, rank=6), Part(offset=16, first=14, count=5, rank=2))


@pytest.mark.parametrize("added", [False, True])
def test_rows_take_their_tenants_numbers_and_the_base_is_untouched(program, added):
    mixed = Mixed((2, 0, 1), (2, 1, 2))
    product_NO, t_NR, residual_NO = torch.randn(5, 20), torch.randn(5, 8), torch.randn(5, 20)
    table_AX = table_of(3)
    expected, expected_t = product_NO.clone(), t_NR.clone()
    for token, adapter in enumerate(mixed.adapter_of):
        expected[token, 4:14] *= table_AX[adapter, 9]
        expected[token, 14:19] *= table_AX[adapter, 16]
        expected_t[token] *= torch.cat([table_AX[adapter, 10:16], table_AX[adapter, 17:19]])
    into = residual_NO.clone() if added else None
    add_svf(program, product_NO, t_NR, table_AX, PARTS, into=into, add=0.5)
    program.run(mixed.step)
    assert torch.equal(t_NR, expected_t)
    if into is None:
        assert torch.equal(product_NO, expected)
    else:
        residual_NO[:, 4:19] += 0.5 * expected[:, 4:19]
        torch.testing.assert_close(into, residual_NO)
