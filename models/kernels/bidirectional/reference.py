"""The operation in plain torch, in the precision of its input, for one run."""

from torch import Tensor


def bidirectional(qkv_TF: Tensor, heads: int) -> Tensor:
    """[T, E] of [T, 3 E]."""
    q_HTD, k_HTD, v_HTD = qkv_TF.view(len(qkv_TF), 3, heads, -1).permute(1, 2, 0, 3)
    scores_HTT: Tensor = q_HTD @ k_HTD.transpose(-1, -2) * q_HTD.shape[-1] ** -0.5
    mixed_HTD: Tensor = scores_HTT.softmax(-1) @ v_HTD
    return mixed_HTD.transpose(0, 1).flatten(1)
