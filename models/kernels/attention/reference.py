"""The operation in plain torch, in the precision of its input, for one sequence whose keys lie in order.

Shape letters: T tokens asking, L tokens known (L >= start + T), H heads, K key heads, G heads of a key head,
D head width.
"""

import torch
from torch import Tensor


def attend(
    q_THD: Tensor,
    k_LKD: Tensor,
    v_LKD: Tensor,
    *,
    start: int,
    scale: float,
    window: int | None = None,
    sinks: int = 0,
    soft_cap: float | None = None,
) -> Tensor:
    """[T, H, D]. Token t stands at position start + t and sees itself and what comes before it.

    `window` W: of that only the last W tokens, and the first `sinks` of the sequence. `soft_cap` C: scores become
    C tanh(score / C).
    """
    T, H, D = q_THD.shape
    K = k_LKD.shape[1]
    q_KGTD = q_THD.view(T, K, H // K, D).permute(1, 2, 0, 3)
    s_KGTL = (q_KGTD @ k_LKD.permute(1, 2, 0)[:, None]) * scale
    if soft_cap is not None:
        s_KGTL = soft_cap * torch.tanh(s_KGTL / soft_cap)
    seen_TL = visible(T, len(k_LKD), start=start, window=window, sinks=sinks, device=q_THD.device)
    p_KGTL = s_KGTL.masked_fill(~seen_TL, -torch.inf).softmax(dim=-1)
    return (p_KGTL @ v_LKD.transpose(0, 1)[:, None]).permute(2, 0, 1, 3).reshape(T, H, D)


def visible(
    tokens: int, known: int, *, start: int, window: int | None, sinks: int, device: torch.device | str = "cpu"
) -> Tensor:
    """[T, L]: which of the `known` positions each of `tokens` positions from `start` on sees."""
    own_T1 = torch.arange(start, start + tokens, device=device)[:, None]
    other_L = torch.arange(known, device=device)
    seen_TL = other_L <= own_T1
    if window is not None:
        seen_TL &= (other_L > own_T1 - window) | (other_L < sinks)
    return seen_TL
