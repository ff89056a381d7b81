"""Which document and collection each row belongs to: turns a permit into the rows that may be ranked.

Rows and their documents are numbered; what is asked of each document is asked once, whatever its length.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from secretariat.retrieval.core import Chunk, Permit
from secretariat.retrieval.index.dense import Mask

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Within:
    """What a search is about, whoever asks; None leaves a question open."""

    collections: frozenset[UUID] | None = None
    documents: frozenset[UUID] | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """`mask` flags the rows that may be ranked; `allowed` and `denied` count documents."""

    mask: Mask
    allowed: int
    denied: int


class Roster:
    """Not thread-safe. Rows come in growing order; a row that is gone is in no one's reach."""

    def __init__(self) -> None:
        self._documents = _Numbers()
        self._collections = _Numbers()
        self._document_of_row = _Column()
        self._collection_of_document = _Column()
        self._rows_of_document = _Column()

    def add(self, first_row: int, chunks: Sequence[Chunk]) -> None:
        self._document_of_row.extend_to(first_row)
        for chunk in chunks:
            document = self._documents.number(chunk.document_id)
            self._collection_of_document.extend_to(document + 1)
            self._rows_of_document.extend_to(document + 1, fill=0)
            self._collection_of_document.values[document] = self._collections.number(chunk.collection_id)
            self._rows_of_document.values[document] += 1
            self._document_of_row.append(document)

    def remove(self, rows: Sequence[int]) -> None:
        for row in rows:
            self._rows_of_document.values[self._document_of_row.values[row]] -= 1
            self._document_of_row.values[row] = -1

    def reach(self, permit: Permit, within: Within) -> Reach:
        """Permission before ranking: rows of documents that the permit opens, among those asked for.

        Out of collections that are asked for, those that are not open as a whole count nothing as denied,
        unless the permit says so: the number would tell what is in them.
        """
        present = self._rows_of_document.values > 0
        home = self._collection_of_document.values
        open_home = self._collections.flags(permit.collections.keys() - permit.closed_collections)
        closed_home = self._collections.flags(permit.closed_collections)
        opened = open_home[home] | self._documents.flags(permit.documents)
        opened &= ~(closed_home[home] | self._documents.flags(permit.closed_documents))
        counted = present
        if within.collections is not None:
            asked = self._collections.flags(within.collections)
            present = present & asked[home]
            counted = present if permit.counts_all else present & open_home[home]
        denied = int((counted & ~opened).sum())
        reached = present & opened
        if within.documents is not None:
            reached &= self._documents.flags(within.documents)
        # A row that is gone has document -1 and takes the flag behind the last document.
        mask = np.append(reached, False)[self._document_of_row.values]
        return Reach(mask, int(reached.sum()), denied)


class _Numbers:
    """Ids numbered in the order of their first use."""

    def __init__(self) -> None:
        self._number: dict[UUID, int] = {}

    def number(self, key: UUID) -> int:
        return self._number.setdefault(key, len(self._number))

    def flags(self, keys: Iterable[UUID]) -> Flags:
        """One flag for each number: whether its id is among `keys`."""
        flags = np.zeros(len(self._number), dtype=np.bool_)
        known = [number for key in keys if (number := self._number.get(key)) is not None]
        flags[known] = True
        return flags


class _Column:
    """A growing array of numbers."""

    def __init__(self) -> None:
        self._held = np.empty(64, dtype=np.int64)
        self._size = 0

    @property
    def values(self) -> NDArray[np.int64]:
        return self._held[: self._size]

    def append(self, value: int) -> None:
        self.extend_to(self._size + 1, fill=value)

    def extend_to(self, size: int, fill: int = -1) -> None:
        if size > len(self._held):
            self._held = np.concatenate([self._held, np.empty(max(size, len(self._held)), dtype=np.int64)])
        if size > self._size:
            self._held[self._size : size] = fill
            self._size = size
