"""The permits that this process has worked out, each for as long as the grants stay what they were.

Owns remembering and forgetting. What a permit comes to, and which version the grants have now, is access's.
"""

from collections import OrderedDict
from typing import TypeAlias
from uuid import UUID

from secretariat.retrieval.core import Permit

GRANTS_IN_MEMORY = 100_000
"""Some thirty megabytes."""

Person: TypeAlias = tuple[UUID, UUID]
"""(tenant, user)"""


class KnownPermits:
    """The least recently used leave first. For one event loop."""

    def __init__(self, grants_in_memory: int = GRANTS_IN_MEMORY) -> None:
        self._most = grants_in_memory
        self._held = 0
        self._known: OrderedDict[Person, tuple[UUID | None, Permit]] = OrderedDict()

    def get(self, person: Person, version: UUID | None) -> Permit | None:
        """The person's permit under that version of the tenant's grants."""
        known = self._known.get(person)
        if known is None or known[0] != version:
            return None
        self._known.move_to_end(person)
        return known[1]

    def put(self, person: Person, version: UUID | None, permit: Permit) -> None:
        """In the place of the one before it."""
        self._forget(person)
        self._known[person] = version, permit
        self._held += _size(permit)
        while self._held > self._most:
            self._forget(next(iter(self._known)))

    def _forget(self, person: Person) -> None:
        if person in self._known:
            self._held -= _size(self._known.pop(person)[1])


def _size(permit: Permit) -> int:
    parts = (permit.collections, permit.documents, permit.closed_collections, permit.closed_documents)
    return 1 + sum(map(len, parts))
