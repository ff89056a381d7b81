"""Held prefixes under a name of their own: fork many answers from one, list them, delete them.

A handle keeps pages by reference and a float32 state until it is deleted; nothing evicts it. Knows no queues.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import time

from torch import Tensor

from secretariat.models.engine.past import Past, Pools
from secretariat.models.engine.tree import Owner
from secretariat.models.errors import ModelError


@dataclass(frozen=True, slots=True)
class Handle:
    """`computed` of the `tokens` are ready: one less than all, so that a fork begins with the logits of the last.

    `bytes`: what it keeps from being freed; forks share pages, so handles of one prompt sum to more than they
    take.
    """

    id: str
    owner: Owner
    tokens: tuple[int, ...]
    computed: int
    bytes: int
    created: float


class Handles:
    """The table of them; the engine's thread alone changes it. They take at most `limit` bytes.

    `room(pages, bytes)` makes room by evicting what may go, or says that there is none.
    """

    def __init__(self, pools: Pools, limit: int, room: Callable[[int, int], bool]) -> None:
        self._pools = pools
        self._limit = limit
        self._room = room
        self._held: dict[str, tuple[Handle, Past]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def keep(
        self, owner: Owner, tokens: Sequence[int], computed: int, pages: Sequence[int], slot: int
    ) -> Handle:
        """On a sequence as it stands in `pages` and `slot` (0: no state). Raises ModelError overloaded."""
        state = self._pools.snapshots.size(exact=True) if slot and computed else 0
        size = self._admit(len(pages), 0, state)
        self._pools.pages.share(pages)
        snapshot = self._pools.snapshots.save(slot, computed, exact=True) if state else None
        return self._add(owner, tokens, Past(computed, tuple(pages), snapshot), size)

    def adopt(
        self,
        owner: Owner,
        tokens: Sequence[int],
        computed: int,
        contents: Sequence[Sequence[Tensor]],
        state: Sequence[Tensor],
    ) -> Handle:
        """On a past from elsewhere: arrays of its pages, and its state. Raises ModelError overloaded."""
        size = self._admit(len(contents), len(contents), sum(part.nbytes for part in state))
        pages = self._pools.pages.take(len(contents))
        for page, arrays in zip(pages, contents, strict=True):
            for mine, theirs in zip(self._pools.memory.page_arrays(page), arrays, strict=True):
                mine.copy_(theirs)
        snapshot = self._pools.snapshots.add(state, computed) if state else None
        return self._add(owner, tokens, Past(computed, tuple(pages), snapshot), size)

    def _admit(self, pages: int, missing: int, state: int) -> int:
        """Bytes of a handle over so many pages, of which some are yet to be taken."""
        size = pages * self._pools.page_bytes + state
        taken = sum(handle.bytes for handle, _ in self._held.values())
        if taken + size > self._limit or not self._room(missing, state):
            raise ModelError("overloaded", "no memory for another snapshot: delete one", retryable=True)
        return size

    def _add(self, owner: Owner, tokens: Sequence[int], past: Past, size: int) -> Handle:
        handle = Handle(f"snap_{secrets.token_hex(16)}", owner, tuple(tokens), past.tokens, size, time())
        self._held[handle.id] = handle, past
        return handle

    def find(self, handle_id: str, tenant: str) -> tuple[Handle, Past] | None:
        """Nothing for another tenant's: whether it exists isn't theirs to know."""
        found = self._held.get(handle_id)
        return found if found is not None and found[0].owner.tenant == tenant else None

    def pin(self, handle: Handle) -> Past:
        """What it keeps, kept once more until the pools unpin it."""
        past = self._held[handle.id][1]
        self._pools.pin(past)
        return past

    def drop(self, handle: Handle) -> None:
        """Free at once what nobody else holds."""
        self._pools.unpin(self._held.pop(handle.id)[1])

    def of(self, tenant: str) -> list[Handle]:
        """The oldest first."""
        return [handle for handle, _ in self._held.values() if handle.owner.tenant == tenant]

    def held_pages(self) -> Counter[int]:
        return Counter(page for _, past in self._held.values() for page in past.pages)

    def held_snapshots(self) -> Counter[int]:
        return Counter(past.snapshot for _, past in self._held.values() if past.snapshot is not None)
