"""Who holds which page of keys and values: reference counts, a free list, and the page table of a sequence.

Knows no tensors and no tokens.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from secretariat.models.nets.batch import Ints
from secretariat.models.nets.state import PAGE_SIZE

__all__ = ["PAGE_SIZE", "PagePool", "PageTable", "pages_for"]


def pages_for(tokens: int) -> int:
    return -(-tokens // PAGE_SIZE)


class PagePool:
    """Pages 0 … count-1. A page is free or has at least one holder; the last holder's release frees it.

    The lowest free page is taken first: memory that was never written isn't resident.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._free = list(range(count))
        self._holders = [0] * count

    @property
    def free(self) -> int:
        return len(self._free)

    @property
    def used(self) -> int:
        return self.count - len(self._free)

    def holders(self, page: int) -> int:
        return self._holders[page]

    def take(self, count: int) -> list[int]:
        """`count` free pages, each with one holder: the caller has checked `free`."""
        assert count <= self.free, "took more pages than are free"
        pages = [heapq.heappop(self._free) for _ in range(count)]
        for page in pages:
            self._holders[page] = 1
        return pages

    def share(self, pages: Iterable[int]) -> None:
        for page in pages:
            assert self._holders[page] > 0, "shared a free page"
            self._holders[page] += 1

    def release(self, pages: Iterable[int]) -> None:
        for page in pages:
            assert self._holders[page] > 0, "released a free page"
            self._holders[page] -= 1
            if self._holders[page] == 0:
                heapq.heappush(self._free, page)

    def check_integrity(self, expected: Counter[int]) -> None:
        """Raises AssertionError unless the holders are exactly `expected` and all other pages are free."""
        assert len(set(self._free)) == len(self._free), "a page is free twice"
        for page in range(self.count):
            assert self._holders[page] == expected[page], f"page {page}: {self._holders[page]} holders"
        assert set(self._free) == {p for p in range(self.count) if not expected[p]}, "a page leaked"


class PageTable:
    """The pages of one sequence in order, as an array that needs no copy a step."""

    def __init__(self) -> None:
        self._room: Ints = np.empty(16, np.int32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        return iter(self.list())

    @property
    def array(self) -> Ints:
        """A view; valid until the table changes."""
        return self._room[: self._count]

    def list(self, count: int | None = None) -> list[int]:
        """The first `count` pages, or all."""
        pages: list[int] = self.array[:count].tolist()
        return pages

    def extend(self, pages: Sequence[int]) -> None:
        end = self._count + len(pages)
        if end > len(self._room):
            grown: Ints = np.empty(max(end, 2 * len(self._room)), np.int32)
            grown[: self._count] = self.array
            self._room = grown
        self._room[self._count : end] = pages
        self._count = end

    def clear(self) -> None:
        self._count = 0
