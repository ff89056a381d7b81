"""Which tokens of which requests run in the next step.

Continuous batching: decodes first, then pieces of prompts up to a token budget, so that a long prompt never
stalls a stream for long (Sarathi-Serve, arXiv:2403.02310). A piece of a prompt ends where a state is to be
kept. A request is admitted when its tokens so far fit; when room runs out later, the one that came last is
put back, its state kept, and goes on from the very bits where it stopped. Nothing here changes what a request
computes, only when.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from types import MappingProxyType
from typing import Protocol, Self

from secretariat.models.engine.fairness import FairQueue
from secretariat.models.engine.handles import Handle
from secretariat.models.engine.metrics import Counters
from secretariat.models.engine.request import Generation
from secretariat.models.engine.store import Store
from secretariat.models.errors import ModelError


@dataclass(frozen=True, slots=True)
class Limits:
    """`step_tokens`: budget of one forward pass. `running`: requests in flight. `waiting`: in the queue.

    `gap`: the fewest tokens between two kept states of a path. `drafts`: the most guesses for one request in
    a step, `guesses` for all of them. `quantum`: how many weighted tokens a tenant may be ahead of another
    before one of its running requests makes way. `weights`: shares of tenants, 1 where none is given.
    """

    step_tokens: int = 256
    running: int = 16
    waiting: int = 256
    gap: int = 64
    drafts: int = 15
    guesses: int = 32
    quantum: int = 2048
    weights: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if any(weight <= 0 for weight in self.weights.values()):
            raise ValueError("a tenant's weight is more than nothing")

    def within(self, step_tokens: int) -> Self:
        """These limits for a network that takes so many tokens a step."""
        return replace(self, step_tokens=min(self.step_tokens, step_tokens))


class Drafter(Protocol):
    def propose(self, generation: Generation, limit: int) -> list[int]:
        """At most `limit` tokens that may come next, the likeliest continuation first to last."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """`certain` tokens of a generation from `start` on and guesses behind them, to run in one step.

    `rows`: how many of its last tokens want logits. `held`: the state waits for what turns out to be true.
    """

    generation: Generation
    start: int
    certain: int
    drafts: tuple[int, ...] = ()
    rows: int = 0
    held: bool = False

    @property
    def count(self) -> int:
        return self.certain + len(self.drafts)

    @property
    def tokens(self) -> list[int]:
        return [*self.generation.tokens[self.start : self.start + self.certain], *self.drafts]


class Scheduler:
    """Who runs, who waits and who makes way. `drafter` guesses what comes next, for speculation."""

    def __init__(
        self, store: Store, queue: FairQueue, limits: Limits, drafter: Drafter | None, counters: Counters
    ) -> None:
        self._counters = counters
        self._store = store
        self._queue = queue
        self._limits = limits
        self._drafter = drafter
        self._orders = count()
        self.running: list[Generation] = []
        self._refused: list[tuple[Generation, ModelError]] = []
        self._failed: object = None  # the last attempt to seat somebody: not worth repeating as things are

    @property
    def busy(self) -> bool:
        return bool(self.running or len(self._queue))

    def everything(self) -> list[Generation]:
        return [*self.running, *self._queue]

    def submit(self, generation: Generation) -> None:
        generation.order = next(self._orders)
        self._queue.enter(generation)

    def remove(self, generation: Generation, *, sound: bool = True) -> None:
        """Take it out, wherever it is, and free what it holds. `sound`: what it computed may be found again."""
        ran = generation in self.running
        if ran:
            self.running.remove(generation)
            if sound:
                self._store.leave(generation)
            self._store.free(generation)
        elif not self._queue.take(generation):
            return
        self._queue.end(generation.tenant, ran=ran)

    def plan(self) -> list[Piece]:
        self._admit()
        pieces = self._decodes()
        budget = self._limits.step_tokens - sum(piece.count for piece in pieces)
        prefills = [g for g in self.running if not g.decoding]
        for generation in sorted(prefills, key=lambda g: self._queue.served(g.tenant)):
            piece = _prefill(generation, budget)
            if piece.count:
                pieces.append(piece)
                budget -= piece.count
        for piece in pieces:
            self._queue.charge(piece.generation.tenant, piece.count)
        return pieces

    def settle(self, outcome: Sequence[tuple[Piece, int]]) -> None:
        """The step ran and states follow: so many tokens of each piece are now history."""
        for piece, tokens in outcome:
            piece.generation.computed = piece.start + tokens
            piece.generation.drafts = []
            self._store.settle(piece.generation)

    def pop_refused(self) -> list[tuple[Generation, ModelError]]:
        """Those that planning found no way to run: whoever drives the steps ends them."""
        refused, self._refused = self._refused, []
        return refused

    def captured(self) -> list[Generation]:
        """Running ones that wanted their prompt computed, and have it."""
        return [g for g in self.running if g.capture is not None and g.computed >= g.goal]

    def hold(self, generation: Generation) -> Handle:
        """Raises ModelError overloaded."""
        return self._store.hold(generation)

    def _admit(self) -> None:
        while (head := self._queue.head()) is not None:
            if len(self.running) < self._limits.running and self._seat(head):
                continue
            if not self.running:
                self._refused.append((head, _NO_MEMORY))
                return
            victim = max(self.running, key=lambda g: (self._queue.served(g.tenant), g.order))
            ahead = self._queue.served(victim.tenant) - self._queue.served(head.tenant)
            if victim.tenant == head.tenant or ahead <= self._limits.quantum:
                return
            self._preempt(victim)

    def _seat(self, generation: Generation) -> bool:
        attempt = (generation.order, len(self.running), self._store.fill)
        if attempt == self._failed:
            return False
        # Each that runs may soon want a page more: without these to spare, the newcomer would be put back at once.
        if not self._store.seat(generation, headroom=len(self.running)):
            self._failed = attempt
            return False
        self._queue.take(generation)
        self.running.append(generation)
        if not generation.admitted:
            generation.admitted, generation.cached = True, generation.computed
            self._counters.prompt_tokens += len(generation.prompt)
            self._counters.hit_tokens += generation.cached
        return True

    def _preempt(self, generation: Generation) -> None:
        self.running.remove(generation)
        self._store.park(generation)
        self._queue.put_back(generation)
        self._counters.preemptions += 1

    def _decodes(self) -> list[Piece]:
        decoding = [g for g in self.running if g.decoding]
        for generation in sorted(decoding, key=lambda g: g.order):
            if generation in self.running:
                self._make_room(generation)
        decoding = [g for g in decoding if g in self.running and g.remaining]
        budget, pieces = self._limits.step_tokens, list[Piece]()
        for number, generation in enumerate(decoding):
            if not budget:
                self._to_the_front(decoding[number:])
                break
            others = len(decoding) - number - 1
            pieces.append(self._decode(generation, budget - others, self._limits.guesses // len(decoding)))
            budget -= pieces[-1].count
        return pieces

    def _make_room(self, generation: Generation) -> None:
        """Pages for all of its tokens, at the cost of whoever came last, be it itself."""
        while not self._store.grow(generation, len(generation.tokens)):
            if self.running == [generation]:
                self._refused.append((generation, _NO_MEMORY))
                return
            victim = max(self.running, key=lambda g: g.order)
            self._preempt(victim)
            if victim is generation:
                return

    def _to_the_front(self, left_out: Sequence[Generation]) -> None:
        self.running = [*left_out, *(g for g in self.running if g not in left_out)]

    def _decode(self, generation: Generation, budget: int, guesses: int) -> Piece:
        certain = min(generation.remaining, max(budget, 1))
        if certain < generation.remaining:
            return Piece(generation, generation.computed, certain)
        drafts = self._guess(generation, min(guesses, budget - certain, self._limits.drafts + 1 - certain))
        held = bool(drafts) and self._store.stateful
        return Piece(generation, generation.computed, certain, tuple(drafts), 1 + len(drafts), held)

    def _guess(self, generation: Generation, limit: int) -> list[int]:
        left = generation.sampling.max_tokens - generation.drawn
        limit = min(limit, left - 1)  # a step draws one token more than it has guesses right
        if self._drafter is None or not generation.sampling.speculate or limit < 1:
            return []
        drafts = self._drafter.propose(generation, limit)[:limit]
        fits = self._store.grow(generation, len(generation.tokens) + len(drafts))
        generation.drafts = drafts if fits else []
        return generation.drafts


_NO_MEMORY = ModelError("overloaded", "held snapshots leave no memory for this request", retryable=True)


def _prefill(generation: Generation, budget: int) -> Piece:
    start = generation.computed
    stop = min(generation.goal, start + budget, *generation.due[:1])
    if start < generation.owned < stop:
        stop = generation.owned  # from here on another row of the adapter table
    return Piece(generation, start, max(stop - start, 0), rows=int(stop == len(generation.tokens)))
