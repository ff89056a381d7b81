"""Which tokens of which requests run in the next step.

Continuous batching: decodes first, then pieces of prompts up to a token budget, so that a long prompt never
stalls a stream for long (Sarathi-Serve, arXiv:2403.02310). A request is admitted when the pages of its worst
case are free, so nothing is ever preempted. Tenants share by virtual token counters (VTC, arXiv:2401.00588):
the tenant served least so far goes first, whatever the number of its requests.
"""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass

from secretariat.models.engine.pages import PAGE_SIZE, PagePool, pages_for
from secretariat.models.engine.prefix import PrefixCache
from secretariat.models.engine.request import Generation


@dataclass(frozen=True, slots=True)
class Limits:
    """`step_tokens`: budget of one forward pass. `running`: requests in flight. `waiting`: in the queue."""

    step_tokens: int = 256
    running: int = 16
    waiting: int = 256


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens start … end of a generation, to run in one step."""

    generation: Generation
    start: int
    end: int

    @property
    def wants_logits(self) -> bool:
        return self.end == len(self.generation.tokens)


class Scheduler:
    def __init__(self, pool: PagePool, prefix: PrefixCache, limits: Limits) -> None:
        self._pool = pool
        self._prefix = prefix
        self._limits = limits
        self._waiting: dict[str, deque[Generation]] = {}
        self._running: list[Generation] = []
        self._served: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    @property
    def running(self) -> int:
        return len(self._running)

    def everything(self) -> list[Generation]:
        return [*self._running, *(g for queue in self._waiting.values() for g in queue)]

    def submit(self, generation: Generation) -> None:
        active = {g.tenant for g in self.everything()}
        if not active:
            self._served.clear()
        elif generation.tenant not in active:  # an idle tenant doesn't save up a claim on the machine
            least = min(self._served[tenant] for tenant in active)
            self._served[generation.tenant] = max(self._served[generation.tenant], least)
        self._waiting.setdefault(generation.tenant, deque()).append(generation)

    def remove(self, generation: Generation) -> None:
        """Take it out, wherever it is, and free its pages at once; what it computed stays as a prefix."""
        if generation in self._running:
            self._running.remove(generation)
            self._prefix.remember(
                generation.tenant, generation.tokens[: generation.computed], generation.pages
            )
            self._pool.release(generation.pages)
            generation.pages = []
            return
        queue = self._waiting.get(generation.tenant, deque())
        if generation in queue:
            queue.remove(generation)
        if not queue:
            self._waiting.pop(generation.tenant, None)

    def plan(self) -> list[Piece]:
        self._admit()
        pieces = [Piece(g, g.computed, len(g.tokens)) for g in self._running if g.decoding]
        budget = self._limits.step_tokens - sum(piece.end - piece.start for piece in pieces)
        prefills = [g for g in self._running if not g.decoding]
        for generation in sorted(prefills, key=lambda g: self._served[g.tenant]):
            size = min(budget, generation.remaining)
            if size > 0:
                pieces.append(Piece(generation, generation.computed, generation.computed + size))
                budget -= size
        for piece in pieces:
            self._served[piece.generation.tenant] += piece.end - piece.start
        return pieces

    def computed(self, pieces: Iterable[Piece]) -> None:
        """The step ran: its keys and values are in the pool. Finished prompts become prefixes for others."""
        for piece in pieces:
            generation = piece.generation
            was_prefill = not generation.decoding
            generation.computed = piece.end
            if was_prefill and generation.decoding:
                self._prefix.remember(generation.tenant, generation.prompt, generation.pages)

    def _admit(self) -> None:
        while self._waiting and len(self._running) < self._limits.running:
            tenant = min(self._waiting, key=self._served.__getitem__)
            generation = self._waiting[tenant][0]
            if not self._seat(generation):
                return
            self.remove(generation)
            self._running.append(generation)

    def _seat(self, generation: Generation) -> bool:
        # At least one token is left to compute: its logits choose the first token of the answer.
        shared = self._prefix.match(generation.tenant, generation.prompt[:-1])
        missing = pages_for(generation.capacity) - len(shared)
        if missing > self._pool.free:
            self._prefix.evict(missing - self._pool.free)
        if missing > self._pool.free:
            self._pool.release(shared)
            return False
        generation.seat([*shared, *self._pool.take(missing)], len(shared) * PAGE_SIZE)
        return True

    def check_integrity(self) -> None:
        """Raises AssertionError if a page leaked or is held by someone unknown."""
        expected = self._prefix.held()
        for generation in self._running:
            expected.update(generation.pages)
        self._pool.check_integrity(expected)
