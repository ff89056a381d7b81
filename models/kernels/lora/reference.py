"""The operation in plain torch, in the precision of its input."""

from torch import Tensor


def lora(x_NI: Tensor, down_RI: Tensor, up_OR: Tensor) -> Tensor:
    """[N, O]: what one adapter adds to the product; its scale is in `up_OR`."""
    return (x_NI @ down_RI.T) @ up_OR.T
