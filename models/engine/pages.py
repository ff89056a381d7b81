"""Who holds which page of the key-value pool: reference counts and a free list.

Knows no tensors and no tokens.
"""

from collections import Counter
from collections.abc import Iterable

PAGE_SIZE = 16


def pages_for(tokens: int) -> int:
    return -(-tokens // PAGE_SIZE)


class PagePool:
    """Pages 0 … count-1. A page is free or has at least one holder; the last holder's release frees it."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._free = list(range(count - 1, -1, -1))
        self._holders = [0] * count

    @property
    def free(self) -> int:
        return len(self._free)

    def holders(self, page: int) -> int:
        return self._holders[page]

    def take(self, count: int) -> list[int]:
        """`count` free pages, each with one holder: the caller has checked `free`."""
        assert count <= self.free, "took more pages than are free"
        pages = [self._free.pop() for _ in range(count)]
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
                self._free.append(page)

    def check_integrity(self, expected: Counter[int]) -> None:
        """Raises AssertionError unless the holders are exactly `expected` and all other pages are free."""
        assert len(set(self._free)) == len(self._free), "a page is free twice"
        for page in range(self.count):
            assert self._holders[page] == expected[page], f"page {page}: {self._holders[page]} holders"
        assert set(self._free) == {p for p in range(self.count) if not expected[p]}, "a page leaked"
