"""Held prefixes under a name of their own: fork many answers from one, list them, delete them.

A handle keeps pages by reference and a float32 state until it is deleted; nothing evicts it. Knows no queues.
"""

import secrets
from collections import Counter
from dataclasses import dataclass
from time import time

from secretariat.models.engine.tree import Owner


@dataclass(frozen=True, slots=True)
class Handle:
    """`computed` of the `tokens` are ready: one less than all, so that a fork begins with the logits of the
    last.

    `bytes`: what it keeps from being freed; forks share pages, so handles of one prompt sum to more than they
    take.
    """

    id: str
    owner: Owner
    tokens: tuple[int, ...]
    computed: int
    bytes: int
    created: float


@dataclass(frozen=True, slots=True)
class Past:
    """What a sequence can resume from: `tokens` in `pages`, the last maybe in part, and the state after
    them.
    """

    tokens: int
    pages: tuple[int, ...]
    snapshot: int | None = None


class Handles:
    """The table of them. The engine's thread alone changes it."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[Handle, Past]] = {}

    def __len__(self) -> int:
        return len(self._held)

    @property
    def bytes(self) -> int:
        return sum(handle.bytes for handle, _ in self._held.values())

    def add(self, owner: Owner, tokens: tuple[int, ...], past: Past, size: int) -> Handle:
        handle = Handle(f"snap_{secrets.token_hex(16)}", owner, tokens, past.tokens, size, time())
        self._held[handle.id] = handle, past
        return handle

    def find(self, handle_id: str, tenant: str) -> tuple[Handle, Past] | None:
        """Nothing for another tenant's: whether it exists isn't theirs to know."""
        found = self._held.get(handle_id)
        return found if found is not None and found[0].owner.tenant == tenant else None

    def remove(self, handle: Handle) -> None:
        del self._held[handle.id]

    def of(self, tenant: str) -> list[Handle]:
        """The oldest first."""
        return [handle for handle, _ in self._held.values() if handle.owner.tenant == tenant]

    def held_pages(self) -> Counter[int]:
        return Counter(page for _, past in self._held.values() for page in past.pages)

    def held_snapshots(self) -> Counter[int]:
        return Counter(past.snapshot for _, past in self._held.values() if past.snapshot is not None)
