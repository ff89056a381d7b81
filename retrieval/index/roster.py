"""Which document and collection each row belongs to: turns a permit into the rows that may be ranked.

Rows and their documents are numbered; what is asked of each document is asked once, whatever its length.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from secretariat.retrieval.core import Chunk, Permit
from secretariat.retrieval.index.dense import Mask, Rows

Flags = NDArray[np.bool_]
_MOST_BYTES = 2**24
"""Of reaches that are remembered of a generation."""
_NO_ROWS = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Within:
    """What a search is about, whoever asks; None leaves a question open."""

    collections: frozenset[UUID] | None = None
    documents: frozenset[UUID] | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """`rows` may be ranked, ascending; `mask` flags them. `allowed` counts documents that were asked for and may
    be read, `denied` those in the collections that were asked for that may not."""

    mask: Mask
    rows: Rows
    allowed: int
    denied: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.mask.nbytes + self.rows.nbytes


class Roster:
    """Rows come in growing order; a row that is gone is in no one's reach.

    One writer at a time; readers may go on with a roster that has been forked.
    """

    def __init__(self) -> None:
        self._documents = _Numbers()
        self._collections = _Numbers()
        self._document_of_row = _Column()
        self._collection_of_document = _Column()
        self._rows_of_document = _Column()
        self._reached: dict[tuple[Permit, Within], Reach] = {}
        self._guard = threading.Lock()

    def fork(self) -> "Roster":
        """One that can be changed without this one's reach changing. Numbers, once given, are shared."""
        other = Roster()
        other._documents, other._collections = self._documents, self._collections
        other._document_of_row = self._document_of_row.copy()
        other._collection_of_document = self._collection_of_document.copy()
        other._rows_of_document = self._rows_of_document.copy()
        return other

    def add(self, first_row: int, chunks: Sequence[Chunk]) -> None:
        self.add_runs(first_row, ((1, chunk.document_id, chunk.collection_id) for chunk in chunks))

    def add_runs(self, first_row: int, runs: Iterable[tuple[int, UUID, UUID]]) -> None:
        """So many rows of a document in a collection, one run behind the other from `first_row` on."""
        self._reached.clear()
        self._document_of_row.extend_to(first_row)
        for rows, document_id, collection_id in runs:
            document = self._documents.number(document_id)
            self._collection_of_document.extend_to(document + 1)
            self._rows_of_document.extend_to(document + 1, fill=0)
            self._collection_of_document.values[document] = self._collections.number(collection_id)
            self._rows_of_document.values[document] += rows
            self._document_of_row.extend_to(self._document_of_row.size + rows, fill=document)

    def remove(self, rows: Sequence[int]) -> None:
        self._reached.clear()
        for row in rows:
            self._rows_of_document.values[self._document_of_row.values[row]] -= 1
            self._document_of_row.values[row] = -1

    def rows_of(self, document_id: UUID) -> NDArray[np.int64]:
        """Those that aren't gone, ascending."""
        known = self._documents.get(document_id)
        return np.flatnonzero(self._document_of_row.values == known) if known is not None else _NO_ROWS

    def reach(self, permit: Permit, within: Within) -> Reach:
        """Permission before ranking: rows of documents that the permit opens, among those asked for.

        The last few are remembered: a search asks several times, and its permit may serve the next one too.
        """
        asked = permit, within
        with self._guard:
            known = self._reached.get(asked)
        if known is None:
            known = self._worked_out(permit, within)
            self._remember(asked, known)
        return known

    def _remember(self, asked: tuple[Permit, Within], reach: Reach) -> None:
        with self._guard:
            self._reached[asked] = reach
            held = sum(known.size for known in self._reached.values())
            for oldest in list(self._reached):
                if held <= _MOST_BYTES:
                    break
                held -= self._reached.pop(oldest).size

    def _worked_out(self, permit: Permit, within: Within) -> Reach:
        present = self._rows_of_document.values > 0
        many = len(present)
        present &= ~self._documents.flags(permit.unready, many)
        home = self._collection_of_document.values
        opened = self._collections.flags(permit.collections)[home]
        opened |= self._documents.flags(permit.documents, many)
        opened &= ~self._collections.flags(permit.closed_collections)[home]
        opened &= ~self._documents.flags(permit.closed_documents, many)
        if within.collections is not None:
            present = present & self._collections.flags(within.collections)[home]
        reached = present & opened
        denied = int(np.count_nonzero(present & ~opened))
        if within.documents is not None:
            reached &= self._documents.flags(within.documents, many)
        # A row that is gone has document -1 and takes the flag behind the last document.
        mask = np.append(reached, False).take(self._document_of_row.values)
        rows = np.flatnonzero(mask)
        for array in (mask, rows):
            array.setflags(write=False)
        return Reach(mask, rows, int(np.count_nonzero(reached)), denied)


class _Numbers:
    """Ids numbered in the order of their first use."""

    def __init__(self) -> None:
        self._number: dict[UUID, int] = {}

    def number(self, key: UUID) -> int:
        return self._number.setdefault(key, len(self._number))

    def get(self, key: UUID) -> int | None:
        return self._number.get(key)

    def flags(self, keys: Iterable[UUID], many: int | None = None) -> Flags:
        """One flag for each of the first `many` numbers (all that are given): whether its id is in `keys`."""
        number = self._number.get
        known = [found for key in keys if (found := number(key)) is not None]
        # Counted after they are looked up: a writer may be giving out further numbers.
        flags = np.zeros(len(self._number), dtype=np.bool_)
        flags[known] = True
        return flags[:many]


class _Column:
    """A growing array of numbers."""

    def __init__(self) -> None:
        self._held = np.empty(64, dtype=np.int32)
        self.size = 0

    @property
    def values(self) -> NDArray[np.int32]:
        return self._held[: self.size]

    def copy(self) -> "_Column":
        other = _Column()
        other._held, other.size = self._held.copy(), self.size
        return other

    def extend_to(self, size: int, fill: int = -1) -> None:
        if size > len(self._held):
            self._held = np.concatenate([self._held, np.empty(max(size, len(self._held)), dtype=np.int32)])
        if size > self.size:
            self._held[self.size : size] = fill
            self.size = size
