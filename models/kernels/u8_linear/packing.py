"""Weight matrices in signed bytes, in panels of sixteen outputs, as the compiled operation reads them.

Layout: README.md. Knows no checkpoint and no network.

Shape letters: O outputs, I inputs, P panels of sixteen outputs, G groups of inputs, W words of four inputs.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from secretariat.models.kernels.linear.blocks import Floats

LANES = 16
_GROUPS = (96, 64, 32)  # inputs that may share a scale, the first that divides them
_CLIPS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)  # of the range that codes span: outliers may cost less


@dataclass(frozen=True, slots=True)
class U8Packed:
    """codes int8 [P, G, W, 16, 4]; scales float32 [P, G, 2, 16]: the scale, and the scale by the sum of codes."""

    outputs: int
    inputs: int
    group: int
    codes: Tensor
    scales: Tensor


def pack_u8(weight_OI: Floats) -> U8Packed:
    """Inputs must be a multiple of 32."""
    outputs, inputs = weight_OI.shape
    group = next(size for size in _GROUPS if inputs % size == 0)
    padded_OI = F.pad(torch.from_numpy(weight_OI), (0, 0, 0, -outputs % LANES))
    groups_OGi = padded_OI.reshape(len(padded_OI), -1, group)
    scale_OG1 = _scales(groups_OGi)
    codes_OGi = _codes(groups_OGi, scale_OG1)
    scales_2OG = torch.stack([scale_OG1[..., 0], scale_OG1[..., 0] * codes_OGi.sum(-1)])
    panels, groups = len(padded_OI) // LANES, inputs // group
    codes_PoGWi = codes_OGi.to(torch.int8).reshape(panels, LANES, groups, group // 4, 4)
    scales_2PoG = scales_2OG.reshape(2, panels, LANES, groups)
    return U8Packed(
        outputs,
        inputs,
        group,
        codes_PoGWi.permute(0, 2, 3, 1, 4).contiguous(),
        scales_2PoG.permute(1, 3, 0, 2).contiguous(),
    )


def unpack_u8(packed: U8Packed) -> Tensor:
    """The numbers that the operation multiplies by, float32 [O, I]."""
    weight_PGWoi = packed.codes.float() * packed.scales[:, :, 0, None, :, None]
    return weight_PGWoi.permute(0, 3, 1, 2, 4).reshape(-1, packed.inputs)[: packed.outputs]


def _scales(groups_OGi: Tensor) -> Tensor:
    """Of a few ranges the one with the least squared error: [O, G, 1]."""
    peak_OG1 = groups_OGi.abs().amax(-1, keepdim=True) / 127
    best_OG1, least_OG1 = peak_OG1, torch.full_like(peak_OG1, torch.inf)
    for clip in _CLIPS:
        scale_OG1 = peak_OG1 * clip
        missed_OGi = _codes(groups_OGi, scale_OG1) * scale_OG1 - groups_OGi
        error_OG1 = missed_OGi.square().sum(-1, keepdim=True)
        best_OG1 = torch.where(error_OG1 < least_OG1, scale_OG1, best_OG1)
        least_OG1 = torch.minimum(error_OG1, least_OG1)
    return best_OG1


def _codes(groups_OGi: Tensor, scale_OG1: Tensor) -> Tensor:
    """Whole numbers of `scale` from -127 to 127; 0 where it is 0."""
    whole_OGi = (groups_OGi / torch.where(scale_OG1 > 0, scale_OG1, 1)).round()
    return whole_OGi.clamp(-127, 127)
