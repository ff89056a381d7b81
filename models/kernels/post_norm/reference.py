"""The operations in plain torch, in the precision of their input."""

import torch.nn.functional as F
from torch import Tensor

from secretariat.models.kernels.linear.reference import linear
from secretariat.models.kernels.post_norm.cpu import Biased, LayerNorm
from secretariat.models.kernels.u8_linear.packing import U8Packed
from secretariat.models.kernels.u8_linear.reference import u8_linear


def post_product(by: Biased, x_NI: Tensor, y_NE: Tensor, norm: LayerNorm) -> Tensor:
    return _normed(y_NE + _product(by, x_NI), norm)


def post_feed_forward(up: Biased, down: Biased, y_NE: Tensor, norm: LayerNorm) -> Tensor:
    return _normed(y_NE + _product(down, F.gelu(_product(up, y_NE))), norm)


def _product(by: Biased, x_NI: Tensor) -> Tensor:
    if isinstance(by.weight, U8Packed):
        return u8_linear(x_NI, by.weight, by.bias_O)
    return linear(x_NI, by.weight, by.bias_O.to(x_NI.dtype))


def _normed(x_NE: Tensor, norm: LayerNorm) -> Tensor:
    weight_E, bias_E = norm.weight_E.to(x_NE.dtype), norm.bias_E.to(x_NE.dtype)
    return F.layer_norm(x_NE, x_NE.shape[1:], weight_E, bias_E, norm.eps)
