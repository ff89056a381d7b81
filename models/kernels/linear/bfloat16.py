"""bfloat16 in 12 bits: sign, mantissa, and how many octaves below a bound that a group of 32 weights shares.

Writes and reads panels of sixteen outputs. Layout and rounding: README.md. Knows no format of stored weights.

Shape letters: O outputs, I inputs, T panels, G groups of 32 inputs, J 16 pairs of a group, L 16 outputs of a panel
by 2 inputs.
"""

import ctypes

import numpy as np
import numpy.typing as npt

from secretariat.models.errors import ModelError
from secretariat.models.kernels.library import library
from secretariat.models.kernels.linear.blocks import GROUP, Bytes, Floats

_LANES, _PAIRS, _QUAD = 16, GROUP // 2, 4
_LINE = 64
_PACKED_BYTES = GROUP * _LANES * 12 // 8
_QUAD_BYTES = _LINE + _QUAD * _PACKED_BYTES


def stride(inputs: int) -> int:
    """Bytes of a panel."""
    groups = -(-inputs // GROUP)
    return -(-groups // _QUAD) * _LINE + groups * _PACKED_BYTES


def write(halves_OI: npt.NDArray[np.uint16], panels: Bytes) -> None:
    """The bits of bfloat16 numbers, outputs a multiple of sixteen, into `panels` [T, stride].

    Compiled, because models of a gigabyte pass through. Raises ModelError: checkpoint_invalid where a number is
    infinite or none, engine_failed without a compiler.
    """
    compiled = library()
    if compiled is None:
        raise ModelError(
            "engine_failed", "packing bfloat16 takes a C++ compiler: install g++, or use --backend torch"
        )
    outputs, inputs = halves_OI.shape
    assert panels.shape == (outputs // _LANES, stride(inputs))
    assert outputs % _LANES == 0
    assert panels.flags.c_contiguous
    halves_OI = np.ascontiguousarray(halves_OI)
    finite = compiled.open("linear").pack_bfloat16(
        ctypes.c_void_p(halves_OI.ctypes.data), ctypes.c_int64(len(panels)), ctypes.c_int64(inputs),
        ctypes.c_void_p(panels.ctypes.data), ctypes.c_int64(panels.shape[1]),
    )  # fmt: skip
    if not finite:
        raise ModelError(
            "checkpoint_invalid",
            "weights that are infinite or no numbers can't be held in bfloat16: mend the file, or choose float32",
        )


def read(panels: Bytes, inputs: int) -> Floats:
    """[O, I] numbers that the products multiply by, zero outputs at the end included."""
    codes, exponents_TGo = _split(panels, -(-inputs // GROUP))
    threes = codes.view(np.uint16).reshape(*codes.shape[:2], _PAIRS // 4, 3, 2 * _LANES)
    nibbles = np.arange(4, dtype=np.uint16)[:, None] * 4
    distance = threes[..., :1, :] >> nibbles & 15
    stored = np.stack([threes[..., 1:, :], threes[..., 1:, :].byteswap()], axis=-2).reshape(distance.shape)
    number = ((stored & 0x3F80 | 0x4000) >> distance).astype(np.float32)
    number[stored & 0x4000 != 0] *= -1
    unit_TGo = (exponents_TGo.astype(np.uint32) << 23).view(np.float32)
    values_TGJoi = number.reshape(*number.shape[:2], _PAIRS, _LANES, 2)
    values_TGJoi *= unit_TGo[:, :, None, :, None]
    values: Floats = values_TGJoi.transpose(0, 3, 1, 2, 4).reshape(len(panels) * _LANES, -1)[:, :inputs]
    return values


def _split(panels: Bytes, groups: int) -> tuple[Bytes, Bytes]:
    """Codes [T, G, bytes] and exponents [T, G, 16]."""
    codes = np.empty((len(panels), groups, _PACKED_BYTES), np.uint8)
    exponents_TGo = np.empty((len(panels), groups, _LANES), np.uint8)
    for group in range(groups):
        quad = panels[:, group // _QUAD * _QUAD_BYTES :]
        exponents_TGo[:, group] = quad[:, group % _QUAD * _LANES :][:, :_LANES]
        codes[:, group] = quad[:, _LINE + group % _QUAD * _PACKED_BYTES :][:, :_PACKED_BYTES]
    return codes, exponents_TGo
