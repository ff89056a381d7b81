"""The operations in plain torch, in the precision of their input."""

import torch.nn.functional as F
from torch import Tensor

from secretariat.models.kernels.post_norm.cpu import LayerNorm


def text_rows(words_NE: Tensor, positions_NE: Tensor, norm: LayerNorm) -> Tensor:
    """Rows of both tables, chosen by the caller."""
    x_NE = words_NE + positions_NE
    weight_E, bias_E = norm.weight_E.to(x_NE.dtype), norm.bias_E.to(x_NE.dtype)
    return F.layer_norm(x_NE, x_NE.shape[1:], weight_E, bias_E, norm.eps)


def text_vector(x_TE: Tensor) -> Tensor:
    return F.normalize(x_TE.mean(0), dim=-1)


def token_vectors(x_TE: Tensor) -> Tensor:
    return F.normalize(x_TE, dim=-1)
