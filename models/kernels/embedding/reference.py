"""The operation in plain torch."""

from torch import Tensor

from secretariat.models.kernels.linear.packing import Packed, unpack


def embedding(ids_N: Tensor, weight: Packed, *, scale: float) -> Tensor:
    """[N, E] float32."""
    return unpack(weight)[ids_N] * scale
