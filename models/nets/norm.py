"""RMSNorm (arXiv:1910.07467) and LayerNorm without bias, in float32 or wider."""

import torch
from torch import Tensor, nn

from secretariat.models.nets.config import NormSpec


def wide(dtype: torch.dtype) -> torch.dtype:
    """What sums, states and residuals are kept in for weights of `dtype`: never less than float32."""
    return torch.promote_types(dtype, torch.float32)


def standardised(x: Tensor, spec: NormSpec) -> Tensor:
    """x / rms(x), or (x - mean) / std, over the last dimension, not narrowed back."""
    x = x.to(wide(x.dtype))
    if spec.kind == "layer":
        x = x - x.mean(dim=-1, keepdim=True)
    square = torch.linalg.vecdot(x, x)[..., None] / x.shape[-1]
    return x * torch.rsqrt(square + spec.eps)


class Norm(nn.Module):
    """Over the last dimension, or over each of `groups` equal runs of it; `weight` has the given shape."""

    def __init__(self, spec: NormSpec, *shape: int, groups: int = 1) -> None:
        super().__init__()
        self.spec = spec
        self.groups = groups
        self.weight = nn.Parameter(torch.empty(shape), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """The result has the weight's dtype."""
        runs = x.reshape(*x.shape[:-1], self.groups, x.shape[-1] // self.groups)
        even = standardised(runs, self.spec).flatten(-2)
        weight = self.weight.to(even.dtype)
        return (even * (1 + weight if self.spec.one_plus else weight)).to(self.weight.dtype)
