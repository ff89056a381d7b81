"""The operation and what it stands for, in plain torch, in the precision of the input."""

from torch import Tensor


def svf(y_NO: Tensor, t_NR: Tensor, factor_N1: Tensor, gains_NR: Tensor, u_OR: Tensor) -> Tensor:
    """[N, O]: factor · y + U (gains ∘ t), with t = x V."""
    return factor_N1 * y_NO + (gains_NR * t_NR) @ u_OR.T


def dense(u_OK: Tensor, sigma_K: Tensor, v_IK: Tensor, z_K: Tensor, scale: float) -> Tensor:
    """[O, I]: the matrix with all its singular values weighted, W' = c U diag(σ ∘ z) Vᵀ."""
    return scale * (u_OK * (sigma_K * z_K)) @ v_IK.T
