"""The operations in plain torch, in the precision of their inputs.

T tokens, X experts, K chosen, E width of the model, F width of an expert.
"""

from typing import Literal, Protocol

import torch
from torch import Tensor

from secretariat.models.kernels.glu.reference import Activation, glu

Score = Literal["softmax", "sigmoid", "softmax_top"]


class Routing(Protocol):
    """How a token chooses; `RouterSpec` of nets/config.py is one."""

    @property
    def top(self) -> int: ...
    @property
    def score(self) -> Score: ...
    @property
    def renormalise(self) -> float | None: ...
    @property
    def eps(self) -> float: ...
    @property
    def scale(self) -> float: ...


def route(logits_TX: Tensor, select_bias_X: Tensor | None, routing: Routing) -> tuple[Tensor, Tensor]:
    """Experts [T, K], best first, and their weights [T, K]."""
    match routing.score:
        case "softmax":
            scores_TX = logits_TX.softmax(dim=-1)
        case "sigmoid":
            scores_TX = logits_TX.sigmoid()
        case "softmax_top":
            scores_TX = logits_TX
    wanted_TX = scores_TX if select_bias_X is None else scores_TX + select_bias_X
    chosen_TK = wanted_TX.sort(dim=-1, descending=True, stable=True).indices[:, : routing.top]
    weights_TK = scores_TX.gather(1, chosen_TK)
    if routing.score == "softmax_top":
        weights_TK = weights_TK.softmax(dim=-1)
    if routing.renormalise is not None:
        norm_T1 = torch.linalg.vector_norm(weights_TK, ord=routing.renormalise, dim=-1, keepdim=True)
        weights_TK = weights_TK / (norm_T1 + routing.eps)
    return chosen_TK, weights_TK * routing.scale


def experts(
    x_TE: Tensor,
    chosen_TK: Tensor,
    weights_TK: Tensor,
    gate_up_XGE: Tensor,
    down_XEF: Tensor,
    activation: Activation,
) -> Tensor:
    """[T, E]; `gate_up_XGE` holds F rows of the gate, then F of up."""
    rows = []
    for x_E, chosen_K, weights_K in zip(x_TE, chosen_TK, weights_TK, strict=True):
        total_E = torch.zeros_like(x_E)
        for expert, weight in zip(chosen_K.tolist(), weights_K, strict=True):
            total_E = total_E + weight * (down_XEF[expert] @ glu(gate_up_XGE[expert] @ x_E, activation))
        rows.append(total_E)
    return torch.stack(rows)
