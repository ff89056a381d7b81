"""Full pages kept after their request ends, found again by the tokens that led to them.

A page's key is a SHA-256 chain over a secret of this process, the tenant and all tokens up to the page's end:
two tenants never share a page, and no key can be built from outside (CVE-2025-46570 is the timing side
channel that unsalted prefix caches open).
"""

import hashlib
import secrets
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np

from secretariat.models.engine.pages import PAGE_SIZE, PagePool


class PrefixCache:
    """Holds one reference on each page it knows; gives pages up from the least recently used on."""

    def __init__(self, pool: PagePool) -> None:
        self._pool = pool
        self._pages: OrderedDict[bytes, int] = OrderedDict()
        self._salt = secrets.token_bytes(32)

    def __len__(self) -> int:
        return len(self._pages)

    def _keys(self, tenant: str, tokens: Sequence[int]) -> Iterator[bytes]:
        key = hashlib.sha256(self._salt + tenant.encode()).digest()
        for start in range(0, len(tokens) - PAGE_SIZE + 1, PAGE_SIZE):
            page = np.asarray(tokens[start : start + PAGE_SIZE], dtype="<u4").tobytes()
            key = hashlib.sha256(key + page).digest()
            yield key

    def match(self, tenant: str, tokens: Sequence[int]) -> list[int]:
        """The pages of the longest known prefix of `tokens`, shared with the caller, who releases them."""
        found: list[bytes] = []
        for key in self._keys(tenant, tokens):
            if key not in self._pages:
                break
            found.append(key)
        for key in reversed(found):  # a page outlives the pages behind it: without it they can't be reached
            self._pages.move_to_end(key)
        pages = [self._pages[key] for key in found]
        self._pool.share(pages)
        return pages

    def remember(self, tenant: str, tokens: Sequence[int], pages: Sequence[int]) -> None:
        """Keep the full pages of `tokens`, all of whose keys and values have been written."""
        for key, page in zip(
            reversed(list(self._keys(tenant, tokens))), reversed(_full(tokens, pages)), strict=True
        ):
            if key not in self._pages:
                self._pages[key] = page
                self._pool.share([page])
            self._pages.move_to_end(key)

    def evict(self, count: int) -> None:
        """Free up to `count` pages that nobody else holds, the least recently used first."""
        idle = (key for key, page in self._pages.items() if self._pool.holders(page) == 1)
        for key in [key for key, _ in zip(idle, range(count), strict=False)]:
            self._pool.release([self._pages.pop(key)])

    def held(self) -> Counter[int]:
        return Counter(self._pages.values())


def _full(tokens: Sequence[int], pages: Sequence[int]) -> Sequence[int]:
    return pages[: len(tokens) // PAGE_SIZE]
