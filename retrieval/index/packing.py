"""Arrays and a few words about them as one run of bytes, and back without copying."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ALIGNED = 64
_SIZE = 8


def packed(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Length of the header (8 bytes, big-endian), the header as JSON, then the arrays, each aligned."""
    places: dict[str, tuple[str, tuple[int, ...], int]] = {}
    offset = 0
    for name, array in arrays.items():
        places[name] = (array.dtype.str, array.shape, offset)
        offset += -(-array.nbytes // _ALIGNED) * _ALIGNED
    encoded = json.dumps({**header, "arrays": places}, ensure_ascii=False, separators=(",", ":")).encode()
    start = _start(len(encoded))
    data = bytearray(start + offset)
    data[:_SIZE] = len(encoded).to_bytes(_SIZE, "big")
    data[_SIZE : _SIZE + len(encoded)] = encoded
    for name, array in arrays.items():
        at = start + places[name][2]
        data[at : at + array.nbytes] = np.ascontiguousarray(array).tobytes()
    return bytes(data)


def unpacked(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The header and read-only arrays that share the memory of `data`."""
    size = int.from_bytes(data[:_SIZE], "big")
    header = json.loads(data[_SIZE : _SIZE + size])
    start = _start(size)
    arrays = {}
    for name, (kind, shape, offset) in header.pop("arrays").items():
        count = int(np.prod(shape))
        arrays[name] = np.frombuffer(data, np.dtype(kind), count, start + offset).reshape(shape)
    return header, arrays


def _start(header: int) -> int:
    return -(-(_SIZE + header) // _ALIGNED) * _ALIGNED
