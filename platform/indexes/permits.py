"""The permits that this process has worked out, each for as long as the grants stay what they were.

Owns remembering and forgetting. What a permit comes to, and which version the grants have now, is access's.
"""

from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from secretariat.retrieval.core import Permit

GRANTS_IN_MEMORY = 100_000
"""Some thirty megabytes."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Whose permit it is."""

    tenant_id: UUID
    principals: frozenset[str]


class KnownPermits:
    """The least recently used leave first. For one event loop."""

    def __init__(self, grants_in_memory: int = GRANTS_IN_MEMORY) -> None:
        self._most = grants_in_memory
        self._held = 0
        self._known: OrderedDict[Asker, tuple[UUID | None, Permit]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, asker: Asker, version: UUID | None) -> Permit | None:
        """The asker's permit under that version of the tenant's grants."""
        known = self._known.get(asker)
        if known is None or known[0] != version:
            return None
        self._known.move_to_end(asker)
        return known[1]

    def put(self, asker: Asker, version: UUID | None, permit: Permit) -> None:
        """In the place of the one before it."""
        self._forget(asker)
        self._known[asker] = version, permit
        self._held += _size(permit)
        while self._held > self._most:
            self._forget(next(iter(self._known)))

    def _forget(self, asker: Asker) -> None:
        if asker in self._known:
            self._held -= _size(self._known.pop(asker)[1])


def _size(permit: Permit) -> int:
    parts = (permit.collections, permit.documents, permit.closed_collections, permit.closed_documents)
    return 1 + sum(map(len, parts))
