"""Whose turn it is among those who wait: tenants share by weight, a tenant's own requests go in order.

Virtual token counters (VTC, arXiv:2401.00588): the tenant served least for its weight goes first, whatever
the number of its requests, and an idle tenant saves up no claim. Knows no pages and no steps.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping

from secretariat.models.engine.request import Generation

_SMOOTHING = 0.2  # of a new interval in the running mean


class FairQueue:
    """Waiting requests, and the tokens that each tenant has been served. `weights` default to 1."""

    def __init__(self, weights: Mapping[str, float], clock: Callable[[], float]) -> None:
        self._weights = weights
        self._clock = clock
        self._waiting: dict[str, deque[Generation]] = {}
        self._count = 0
        self._active: Counter[str] = Counter()
        self._served: dict[str, float] = {}
        self._last_end: float | None = None
        self._interval: float | None = None

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Generation]:
        return (generation for queue in self._waiting.values() for generation in queue)

    def served(self, tenant: str) -> float:
        """Tokens over weight, since the last time that nobody asked for anything."""
        return self._served.get(tenant, 0.0)

    def charge(self, tenant: str, tokens: int) -> None:
        self._served[tenant] = self.served(tenant) + tokens / self._weight(tenant)

    def _weight(self, tenant: str) -> float:
        return self._weights.get(tenant, 1.0)

    def enter(self, generation: Generation) -> None:
        """A new request, last of its tenant's."""
        tenant = generation.tenant
        if not self._active:
            self._served.clear()
            self._last_end = None
        elif tenant not in self._active:  # an idle tenant doesn't save up a claim on the machine
            self._served[tenant] = max(self.served(tenant), min(map(self.served, self._active)))
        self._active[tenant] += 1
        self._count += 1
        self._waiting.setdefault(tenant, deque()).append(generation)

    def put_back(self, generation: Generation) -> None:
        """One that ran already: the first of its tenant's."""
        self._count += 1
        self._waiting.setdefault(generation.tenant, deque()).appendleft(generation)

    def head(self) -> Generation | None:
        if not self._waiting:
            return None
        return self._waiting[min(self._waiting, key=self.served)][0]

    def take(self, generation: Generation) -> bool:
        """Out of the queue, to run or to end. False if it doesn't wait."""
        queue = self._waiting.get(generation.tenant, deque())
        if generation not in queue:
            return False
        queue.remove(generation)
        self._count -= 1
        if not queue:
            del self._waiting[generation.tenant]
        return True

    def end(self, tenant: str, *, ran: bool) -> None:
        """One of the tenant's requests is over. Waits are estimated by the pace at which those that `ran` end."""
        if ran:
            self._note_end()
        self._active[tenant] -= 1
        if not self._active[tenant]:
            del self._active[tenant]

    def _note_end(self) -> None:
        now = self._clock()
        if self._last_end is not None and self._waiting:
            taken = now - self._last_end
            before = taken if self._interval is None else self._interval
            self._interval = before + _SMOOTHING * (taken - before)
        self._last_end = now

    def wait_of(self, tenant: str) -> float:
        """Seconds that a request of this tenant would probably wait if it came now; 0 while nothing is
        known.
        """
        if self._interval is None or not self._waiting:
            return 0.0
        weights = sum(map(self._weight, {*self._waiting, tenant}))
        own = len(self._waiting.get(tenant, ())) + 1
        ahead = min(len(self) + 1, own * weights / self._weight(tenant))
        return ahead * self._interval
