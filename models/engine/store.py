"""Everything that requests keep of the past: pages, live states, snapshots and the tree, under one byte budget.

Gives a request what it resumes from and the room it runs in; takes both back. Knows no queues, no order among
requests and no logits.

Where the tree knows more tokens than it has a state for, the tail is computed again into pages of the
request's own: a shared page is never written to, so nothing that happens to one request can reach the numbers
of another.
"""

import logging
from dataclasses import dataclass
from itertools import chain
from typing import Self

import torch

from secretariat.models.engine.eviction import Worth, evict
from secretariat.models.engine.handles import Handle, Handles
from secretariat.models.engine.pages import PAGE_SIZE, PagePool, pages_for
from secretariat.models.engine.past import Past, Pools
from secretariat.models.engine.request import Generation
from secretariat.models.engine.slots import SlotPool
from secretariat.models.engine.snapshots import Form, SnapshotPool
from secretariat.models.engine.tree import Match, PrefixTree
from secretariat.models.nets.config import DecoderConfig
from secretariat.models.nets.memory import Memory, MemorySize
from secretariat.models.nets.network import Network

_log = logging.getLogger(__name__)
_NODE = 512  # bytes of the tree's own that a page costs


@dataclass(frozen=True, slots=True)
class EngineMemory:
    """Room for so many pages of 16 tokens and so many snapshots, in one budget that both compete for.

    `slots`: live states, one for each request in flight; a network without states needs none. `form` of cached
    snapshots: other than float32, a hit gives other bits than a miss, so an exact network refuses it.
    """

    pages: int
    slots: int = 16
    snapshots: int = 0
    form: Form = "float32"
    kv_dtype: torch.dtype = torch.float32

    @classmethod
    def of_bytes(
        cls,
        config: DecoderConfig,
        size: int,
        *,
        slots: int = 16,
        form: Form = "float32",
        kv_dtype: torch.dtype = torch.float32,
    ) -> Self:
        """All of `size` bytes: live states first, the rest for pages and snapshots. Raises ValueError."""
        room = size - slots * Memory.slot_bytes(config, kv_dtype)
        pages = room // page_cost(config, kv_dtype)
        if pages < 1:
            raise ValueError(f"{size} bytes don't hold {slots} states and a page")
        return cls(pages, slots, 0, form, kv_dtype)

    def bytes(self, config: DecoderConfig) -> int:
        """Of the budget, live states aside."""
        idle = Memory.snapshot_bytes(config, self.kv_dtype)
        return self.pages * page_cost(config, self.kv_dtype) + self.snapshots * idle


def page_cost(config: DecoderConfig, kv_dtype: torch.dtype) -> int:
    """Bytes of a page and of its place in the tree."""
    return Memory.page_bytes(config, kv_dtype) + _NODE


class Store:
    """`gap`: the fewest tokens from one state to the next on a path that are worth a snapshot. `worth`: what is
    kept longest.

    Raises ValueError when an exact network is to keep inexact snapshots.
    """

    def __init__(
        self, network: Network, size: EngineMemory, *, gap: int, held: int, worth: type[Worth] = Worth
    ) -> None:
        if network.arithmetic.exact and size.form != "float32":
            raise ValueError(
                f"{size.form} snapshots would make an exact network's answers depend on cache hits"
            )
        config = network.config
        self.stateful = config.has_state
        self._gap = gap
        self._page_bytes = page_cost(config, size.kv_dtype)
        state = Memory.snapshot_bytes(config, size.kv_dtype)
        budget = size.bytes(config)
        slots = size.slots if self.stateful else 0
        if self.stateful and budget < 8 * state:
            _log.warning("memory for %d idle states: hardly a prefix will be found again", budget // state)
        network.allocate(MemorySize(budget // self._page_bytes, slots, size.kv_dtype, held))
        self.budget = budget
        self.memory = network.memory
        self.pages = PagePool(budget // self._page_bytes)
        self.slots = SlotPool(slots)
        self.snapshots = SnapshotPool(self.memory, size.form)
        self.tree = PrefixTree(self.pages, self.snapshots)
        self.pools = Pools(self.memory, self.pages, self.snapshots, self._page_bytes)
        self.handles = Handles(self.pools, budget // 2, self._room)
        self._worth = worth(config, self._page_bytes, self.snapshots)
        self._seated: set[Generation] = set()

    @property
    def used(self) -> int:
        """Bytes of the budget that are taken."""
        return self.pools.used

    @property
    def in_use(self) -> int:
        """Pages that somebody other than the tree holds."""
        return len(set().union(*self._seated_pages(), self.handles.held_pages()))

    @property
    def fill(self) -> tuple[int, int, int]:
        """Changes whenever a request that found no room might find some."""
        return self.pages.free, self.slots.free, len(self.handles)

    def _room(self, pages: int, snapshot: int = 0, *, spare: bool = False) -> bool:
        """Whether so many pages and bytes of a snapshot are free, after evicting what must go. `spare`: of what
        nobody is expected to come back to."""

        def enough() -> bool:
            free = self.budget - self.used
            return self.pages.free >= pages and free >= pages * self._page_bytes + snapshot

        evict(self.tree, self._worth, enough, spare=spare)
        return enough()

    def _obtainable(self, past: Past) -> int:
        """Pages that are free or could be: nothing is to be evicted for a request that won't fit anyway."""
        pinned = set(past.pages).union(*self._seated_pages(), self.handles.held_pages())
        return self.pages.count - len(pinned)

    def _seated_pages(self) -> list[list[int]]:
        return [generation.pages.list() for generation in self._seated]

    def seat(self, generation: Generation, headroom: int) -> bool:
        """Give it pages for its tokens, a slot and all of the past that is known, or nothing and False.

        `headroom`: pages that must be free beyond its own.
        """
        if self.stateful and not self.slots.free:
            return False
        # A token is left to compute: its logits choose the next.
        known = generation.tokens[: min(len(generation.tokens) - 1, generation.owned)]
        match = self.tree.match(generation.owner, known)
        seated = self._resume(generation, self._past(generation, match), headroom)
        if not seated and not headroom:  # what it would resume from may be what stands in its way
            seated = self._resume(generation, Past(0, ()), headroom)
        if seated and self.stateful:
            if match.mark is not None and generation.computed == match.mark.position:
                match.mark.readers += 1
                generation.latest = match.mark
            generation.shared = match.tokens
            self._schedule_marks(generation)
        return seated

    def _resume(self, generation: Generation, past: Past, headroom: int) -> bool:
        whole = past.tokens // PAGE_SIZE
        missing = pages_for(len(generation.tokens)) - whole
        self.pools.pin(past)
        try:
            if missing + headroom > self._obtainable(past) or not self._room(missing + headroom):
                return False
            self.pages.share(past.pages[:whole])
            generation.pages.extend([*past.pages[:whole], *self.pages.take(missing)])
            self._restore(generation, past)
        finally:
            self.pools.unpin(past)
        return True

    def _past(self, generation: Generation, match: Match) -> Past:
        past = Past(match.tokens, match.pages)
        if self.stateful:
            past = Past(0, ())
            if match.mark is not None:
                tail = () if match.mark.tail_page is None else (match.mark.tail_page,)
                whole = match.mark.position // PAGE_SIZE
                past = Past(match.mark.position, (*match.pages[:whole], *tail), match.mark.snapshot)
        held = self.handles.find(generation.origin or "", generation.tenant)
        fits = held is not None and past.tokens < held[1].tokens <= generation.owned
        return held[1] if held is not None and fits else past

    def _restore(self, generation: Generation, past: Past) -> None:
        whole, rest = divmod(past.tokens, PAGE_SIZE)
        if rest:
            self.memory.copy_page(past.pages[whole], generation.pages.list()[whole])
        self._seated.add(generation)
        if self.stateful:
            generation.slot = self.slots.take()
            if past.snapshot is not None:
                self.snapshots.load(past.snapshot, generation.slot)
        generation.computed = past.tokens
        generation.goal = len(generation.tokens) - (generation.capture is not None)

    def _schedule_marks(self, generation: Generation) -> None:
        """Where it is to leave a state: at declared boundaries, where known tokens ended without a state, and at
        the prompt's end. Of those closer than the gap what is known to be shared stays, then the earlier: more
        prompts share it.
        """
        end, shared = min(len(generation.prompt), generation.owned), generation.shared
        declared = sorted(b for b in set(generation.boundaries) if b <= end)
        kept = [generation.computed]
        for position in sorted((*declared, shared, end), key=lambda p: p > shared):
            if position > kept[0] and all(abs(position - other) >= self._gap for other in kept):
                kept.append(position)
        generation.due = sorted(kept[1:])

    def grow(self, generation: Generation, tokens: int) -> bool:
        """Pages for its first `tokens`; False when no room can be made."""
        missing = pages_for(tokens) - len(generation.pages)
        if missing <= 0:
            return True
        if not self._room(missing):
            return False
        generation.pages.extend(self.pages.take(missing))
        return True

    def settle(self, generation: Generation) -> None:
        """After a step and its commits: leave what is due at where it stands now."""
        done, end = generation.computed, len(generation.prompt)
        if generation.due and done >= generation.due[0]:
            position = generation.due.pop(0)
            assert done == position, "ran past a position whose state was wanted"
            interim = done == end and end not in generation.boundaries
            self.mark(generation, readers=2 if done <= generation.shared else 1, interim=interim)
        if done == end:
            self.remember(generation)

    def remember(self, generation: Generation) -> None:
        """Its computed tokens become a prefix for others, as far as they are its owner's."""
        tokens = generation.tokens[: min(generation.computed, generation.owned)]
        self.tree.insert(generation.owner, tokens, generation.pages.list())

    def mark(
        self, generation: Generation, *, readers: int = 0, exact: bool = False, interim: bool = False
    ) -> bool:
        """Keep its state as it stands; False if there is no room. `readers`: prompts known to begin like that;
        for a spare state only spare ones make room. `exact`: in float32 whatever the form of the others.
        `interim`: until it leaves."""
        if generation.computed > generation.owned:  # a state that no other request may find
            return False
        tokens = generation.tokens[: generation.computed]
        known = self.tree.marked(generation.owner, tokens)
        if known is not None:
            known.readers = known.readers + 1 if readers else 0 if known.is_spare else known.readers
            generation.latest = known
            if not exact or self.snapshots.is_exact(known.snapshot) or not self.tree.is_droppable(known):
                return True
            self.tree.drop(known)
        if not self._room(0, self.snapshots.size(exact=exact), spare=readers == 1):
            return False
        snapshot = self.snapshots.save(generation.slot, generation.computed, exact=exact)
        mark = self.tree.mark(generation.owner, tokens, generation.pages.list(), snapshot)
        mark.readers = readers
        self.snapshots.release(snapshot)
        generation.latest = mark
        if interim:
            generation.interim.append(mark)
        return True

    def leave(self, generation: Generation) -> None:
        """It ended well: keep what it computed, and its state where that saves enough. Who comes back with its
        answer resumes there, so the states on the way, where nobody parted from it, are given up."""
        self.remember(generation)
        if not self.stateful:
            return
        latest = generation.latest
        since = latest.position if latest is not None and self.tree.holds(latest) else 0
        if generation.computed - since >= self._gap and self.mark(generation):
            for mark in filter(self.tree.is_droppable, generation.interim):
                if mark is not generation.latest:
                    self.tree.drop(mark)
        if generation.latest is not None and generation.latest.is_spare:
            generation.latest.readers = 0

    def park(self, generation: Generation) -> None:
        """It has to wait: keep its state exactly, so that it goes on with the very bits it stopped at."""
        if self.stateful and generation.computed:
            self.mark(generation, exact=True, interim=True)
        self.remember(generation)
        self.free(generation)

    def free(self, generation: Generation) -> None:
        """Take back its pages and its slot at once."""
        self._seated.remove(generation)
        self.pages.release(generation.pages)
        generation.pages.clear()
        if generation.slot:
            self.slots.release(generation.slot)
            generation.slot = 0
        generation.computed = generation.goal = 0
        generation.drafts = []

    def hold(self, generation: Generation) -> Handle:
        """A handle on a seated request as it stands. Raises ModelError overloaded when handles take too much."""
        done = generation.computed
        pages = generation.pages.list(pages_for(done))
        return self.handles.keep(generation.owner, generation.tokens, done, pages, generation.slot)

    def check_integrity(self) -> None:
        """Raises AssertionError if something leaked or is held by someone unknown."""
        pages = self.tree.held_pages() + self.handles.held_pages()
        pages.update(chain.from_iterable(self._seated_pages()))
        self.pages.check_integrity(pages)
        self.slots.check_integrity(generation.slot for generation in self._seated if generation.slot)
        self.snapshots.check_integrity(self.tree.held_snapshots() + self.handles.held_snapshots())
        assert self.used <= self.budget, "more is kept than the budget allows"
