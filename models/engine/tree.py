"""Computed prefixes, found again by the tokens that led to them: a tree of pages with states at exact
positions.

An edge is a page of 16 tokens, compared in full: a dict finds candidates by hash and then compares the bytes,
so no collision can hand out a stranger's page. A node may own marks: snapshots of the recurrent state at its
end or up to 15 tokens behind it. A root belongs to one tenant and one adapter; its key is keyed by a secret
of the process, so that nothing derived from it can be built from outside (CVE-2025-46570 is the timing side
channel that unsalted prefix caches open). Knows neither the network nor the requests.
"""

import hmac
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from secretariat.models.engine.pages import PAGE_SIZE, PagePool
from secretariat.models.engine.snapshots import SnapshotPool

_TOKEN = 4  # bytes of a token in a key
_PAGE = PAGE_SIZE * _TOKEN


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose prefix: nothing is found across tenants or adapters. `adapter`: its digest, empty for none."""

    tenant: str
    adapter: str = ""


@dataclass(eq=False, slots=True)
class Node:
    """The page that holds tokens (depth - 1) * 16 … depth * 16 of its path. A root has depth 0 and no page."""

    parent: "Node | None"
    key: bytes
    page: int
    depth: int
    used: int
    children: "dict[bytes, Node]" = field(default_factory=dict)
    marks: "dict[bytes, Mark]" = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Mark:
    """The state after the tokens of `node`'s path and `tail`, fewer than 16 more, whose keys and values are the
    first of `tail_page`. Whatever lies behind them on that page is somebody else's to write.

    `before`: the last mark before it on its path. `readers`: how many prompts are known to begin with its tokens.
    None yet is the end of an answer, whose conversation may go on.
    """

    node: Node
    tail: bytes
    snapshot: int
    tail_page: int | None
    used: int
    before: "Mark | None" = None
    readers: int = 0

    @property
    def is_spare(self) -> bool:
        """Whether it should make room before those that aren't: its one reader has gone past it, and whether
        anybody else's prompt begins like that isn't known."""
        return self.readers == 1

    @property
    def position(self) -> int:
        return self.node.depth * PAGE_SIZE + len(self.tail) // _TOKEN


@dataclass(frozen=True, slots=True)
class Match:
    """The longest known prefix: `pages` of whole pages, and the last state on the way, if any."""

    pages: tuple[int, ...]
    mark: Mark | None

    @property
    def tokens(self) -> int:
        return len(self.pages) * PAGE_SIZE


class PrefixTree:
    """Holds one reference on each page and each snapshot in it."""

    def __init__(self, pages: PagePool, snapshots: SnapshotPool, secret: bytes | None = None) -> None:
        self._pages = pages
        self._snapshots = snapshots
        self._secret = secret or secrets.token_bytes(32)
        self._roots: dict[bytes, Node] = {}
        self._marks: dict[Mark, None] = {}
        self._ends: dict[Node, None] = {}  # pages that nothing in the tree needs
        self._clock = 0
        self._count = 0

    def __len__(self) -> int:
        """Pages of whole tokens that it holds."""
        return self._count

    def _key(self, owner: Owner) -> bytes:
        salt = self._salt(owner.tenant)
        return salt + hmac.digest(salt, owner.adapter.encode(), "sha256")

    def _salt(self, tenant: str) -> bytes:
        return hmac.digest(self._secret, tenant.encode(), "sha256")

    def _tick(self) -> int:
        self._clock += 1
        return self._clock

    def match(self, owner: Owner, tokens: Sequence[int]) -> Match:
        """The caller pins what it wants to keep before anything can be evicted."""
        now = self._tick()
        node = self._roots.get(self._key(owner))
        pages: list[int] = []
        best: Mark | None = None
        data = _bytes(tokens)
        while node is not None:
            node.used = now
            at = node.depth * _PAGE
            tails = (tail for tail in node.marks if _goes_on(data, at, tail))
            longest = max(tails, key=len, default=None)
            best = node.marks[longest] if longest is not None else best
            node = node.children.get(data[at : at + _PAGE])
            if node is not None:
                pages.append(node.page)
        if best is not None:
            best.used = now
        return Match(tuple(pages), best)

    def insert(self, owner: Owner, tokens: Sequence[int], pages: Sequence[int]) -> Node:
        """Keep the whole pages of `tokens`, all of whose keys and values have been written."""
        now = self._tick()
        node = self._root(owner, now)
        data = _bytes(tokens)
        for depth in range(len(tokens) // PAGE_SIZE):
            key = data[depth * _PAGE : (depth + 1) * _PAGE]
            child = node.children.get(key)
            if child is None:
                child = Node(node, key, pages[depth], depth + 1, now)
                node.children[key] = child
                self._pages.share([child.page])
                self._count += 1
                self._ends.pop(node, None)
                self._ends[child] = None
            child.used = now
            node = child
        return node

    def _root(self, owner: Owner, now: int) -> Node:
        key = self._key(owner)
        if key not in self._roots:
            self._roots[key] = Node(None, key, -1, 0, now)
        self._roots[key].used = now
        return self._roots[key]

    def marked(self, owner: Owner, tokens: Sequence[int]) -> Mark | None:
        """The state after exactly `tokens`, if it is known; it counts as used then."""
        mark = self.match(owner, tokens).mark
        return mark if mark is not None and mark.position == len(tokens) else None

    def mark(self, owner: Owner, tokens: Sequence[int], pages: Sequence[int], snapshot: int) -> Mark:
        """Keep `tokens` and the state after them; the tree takes a reference of its own on `snapshot`."""
        node = self.insert(owner, tokens, pages)
        whole, rest = divmod(len(tokens), PAGE_SIZE)
        tail = _bytes(tokens[whole * PAGE_SIZE :])
        assert tail not in node.marks, "marked twice"
        tail_page = pages[whole] if rest else None
        self._snapshots.share(snapshot)
        if tail_page is not None:
            self._pages.share([tail_page])
        mark = Mark(node, tail, snapshot, tail_page, self._tick(), _last_before(node, tail))
        for later in self._marks:
            if later.before is mark.before and _leads_to(mark, later):
                later.before = mark
        node.marks[tail] = mark
        self._marks[mark] = None
        self._ends.pop(node, None)
        return mark

    def holds(self, mark: Mark) -> bool:
        return mark in self._marks

    def is_droppable(self, mark: Mark) -> bool:
        """Whether it is still here and nobody outside holds its state."""
        return mark in self._marks and self._snapshots.holders(mark.snapshot) == 1

    def evictable(self) -> Iterator[Node | Mark]:
        """What can go now: states nobody else holds, and last pages of paths that nobody else holds."""
        yield from filter(self.is_droppable, self._marks)
        yield from filter(self.is_loose, self._ends)

    def is_loose(self, node: Node) -> bool:
        """Whether the page can go: nothing in the tree needs it, and nobody outside."""
        bare = not node.children and not node.marks and node.parent is not None
        return bare and self._pages.holders(node.page) == 1

    def drop(self, item: Node | Mark) -> Node:
        """Forget it and free what it held. Returns the node that may have become loose by that."""
        if isinstance(item, Mark):
            del item.node.marks[item.tail], self._marks[item]
            for later in self._marks:
                if later.before is item:
                    later.before = item.before
            self._snapshots.release(item.snapshot)
            if item.tail_page is not None:
                self._pages.release([item.tail_page])
            return self._pruned(item.node)
        assert item.parent is not None
        assert self.is_loose(item), "dropped a page that is needed"
        del item.parent.children[item.key], self._ends[item]
        self._pages.release([item.page])
        self._count -= 1
        return self._pruned(item.parent)

    def _pruned(self, node: Node) -> Node:
        if not node.children and not node.marks:
            if node.parent is None:
                del self._roots[node.key]
            else:
                self._ends[node] = None
        return node

    def forget(self, tenant: str) -> None:
        """Drop all that a tenant computed, with any adapter; a page that somebody reads stays until
        released.
        """
        for key in [key for key in self._roots if key.startswith(self._salt(tenant))]:
            for node in list(_below(self._roots.pop(key))):
                self._ends.pop(node, None)
                for mark in node.marks.values():
                    del self._marks[mark]
                    self._snapshots.release(mark.snapshot)
                    self._pages.release([] if mark.tail_page is None else [mark.tail_page])
                if node.parent is not None:
                    self._pages.release([node.page])
                    self._count -= 1

    def _walk(self) -> Iterator[Node]:
        for root in self._roots.values():
            yield from _below(root)

    def held_pages(self) -> Counter[int]:
        held = Counter(node.page for node in self._walk() if node.parent is not None)
        held.update(mark.tail_page for mark in self._marks if mark.tail_page is not None)
        return held

    def held_snapshots(self) -> Counter[int]:
        return Counter(mark.snapshot for mark in self._marks)


def _below(node: Node) -> Iterator[Node]:
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(node.children.values())


def _last_before(node: Node, tail: bytes) -> Mark | None:
    """The last mark on the way to `tail` behind `node`'s path."""
    way = tail
    up: Node | None = node
    while up is not None:
        on_it = [mark for known, mark in up.marks.items() if _goes_on(way, 0, known)]
        if on_it:
            return max(on_it, key=lambda mark: mark.position)
        way, up = up.key, up.parent
    return None


def _leads_to(earlier: Mark, later: Mark) -> bool:
    """Whether the later mark's path goes on from the earlier one's."""
    way, node = later.tail, later.node
    while node is not earlier.node:
        if node.parent is None:
            return False
        way, node = node.key, node.parent
    return way.startswith(earlier.tail) and later.position > earlier.position


def _goes_on(data: bytes, at: int, tail: bytes) -> bool:
    """Whether the path to `at` goes on with just these tokens."""
    return data.startswith(tail, at)


def _bytes(tokens: Sequence[int]) -> bytes:
    return np.asarray(tokens, dtype="<i4").tobytes()
