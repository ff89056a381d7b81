"""A handle as bytes: pages and state under a header that says whose they are, authenticated by the caller's
key.

Knows no queues and no files. Format: HMAC-SHA256 (32 bytes) over all that follows; length of the header (8
bytes, little-endian); header (JSON); the arrays, each in its own dtype, in the header's order.
"""

import hmac
import json
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from secretariat.models.engine.handles import Handle, Handles
from secretariat.models.engine.pages import PAGE_SIZE, pages_for
from secretariat.models.engine.past import Past, Pools
from secretariat.models.engine.tree import Owner
from secretariat.models.errors import ModelError
from secretariat.models.nets.memory import cut

_VERSION = 1
_MAC = 32
_LENGTH = 8
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Parcel:
    """A handle's content away from any store. `pages`: for each page its keys and values by attention."""

    owner: Owner
    tokens: tuple[int, ...]
    computed: int
    pages: tuple[tuple[Tensor, ...], ...]
    state: tuple[Tensor, ...]


def export(pools: Pools, handle: Handle, past: Past, identity: str, key: bytes) -> bytes:
    """`identity`: what network this belongs to; an import under any other is refused.

    Reads only what `past` pins, so any thread may call while the engine runs.
    """
    pages = [_page(pools, past, index) for index in range(len(past.pages))]
    state = [] if past.snapshot is None else pools.snapshots.arrays(past.snapshot)
    arrays = [array.cpu().contiguous() for array in (*(a for page in pages for a in page), *state)]
    header = {
        "version": _VERSION,
        "identity": identity,
        "tenant": handle.owner.tenant,
        "adapter": handle.owner.adapter,
        "tokens": handle.tokens,
        "computed": past.tokens,
        "states": len(state),
        "arrays": [[str(a.dtype).removeprefix("torch."), list(a.shape)] for a in arrays],
    }
    head = json.dumps(header, separators=(",", ":")).encode()
    body = b"".join((len(head).to_bytes(_LENGTH, "little"), head, *map(_raw, arrays)))
    return hmac.digest(key, body, "sha256") + body


def _page(pools: Pools, past: Past, index: int) -> list[Tensor]:
    """A copy whose numbers behind the prefix are zero: a page in use may hold what came later."""
    arrays = [array.clone() for array in pools.memory.page_arrays(past.pages[index])]
    valid = min(past.tokens - index * PAGE_SIZE, PAGE_SIZE)
    for keys, values in zip(arrays[::2], arrays[1::2], strict=True):
        cut(keys, values, valid)
    return arrays


def _raw(array: Tensor) -> bytes:
    return array.reshape(-1).view(torch.uint8).numpy().tobytes()


def read_parcel(data: bytes, tenant: str, identity: str, key: bytes) -> Parcel:
    """Raises ModelError invalid_request unless `key` signed it for this tenant and this network."""
    body = data[_MAC:]
    if not hmac.compare_digest(data[:_MAC], hmac.digest(key, body, "sha256")):
        raise _refused("it wasn't exported under this key, or was changed since")
    size = int.from_bytes(body[:_LENGTH], "little")
    header = json.loads(body[_LENGTH : _LENGTH + size])
    if header["version"] != _VERSION:
        raise _refused("it was exported by another version")
    if header["identity"] != identity:
        raise _refused("it belongs to another model")
    if header["tenant"] != tenant:
        raise _refused("it belongs to another tenant")
    arrays = _arrays(body[_LENGTH + size :], header["arrays"])
    whole = len(arrays) - header["states"]
    count = pages_for(header["computed"])
    each = whole // count if count else 0
    pages = tuple(tuple(arrays[i * each : (i + 1) * each]) for i in range(count))
    owner = Owner(header["tenant"], header["adapter"])
    return Parcel(owner, tuple(header["tokens"]), header["computed"], pages, tuple(arrays[whole:]))


def _refused(reason: str) -> ModelError:
    return ModelError("invalid_request", f"not a snapshot for this server: {reason}", param="snapshot")


def _arrays(data: bytes, forms: list[tuple[str, list[int]]]) -> list[Tensor]:
    arrays, at = [], 0
    for name, shape in forms:
        dtype = _DTYPES[name]
        end = at + prod(shape) * dtype.itemsize
        flat = torch.frombuffer(bytearray(data[at:end]), dtype=dtype)
        arrays.append(flat.reshape(shape))
        at = end
    return arrays


def adopt(handles: Handles, parcel: Parcel) -> Handle:
    """Raises ModelError overloaded when handles take too much already."""
    return handles.adopt(parcel.owner, parcel.tokens, parcel.computed, parcel.pages, parcel.state)
