"""What is in memory under a budget of bytes, and whose turn it is when not everything fits.

Who asks for something that isn't there waits: idle things make room, the least recently used first; where all are
in use, the one whose turn has lasted longest takes no new users and leaves when its last has gone. Belongs to one
event loop; loading and closing go to a thread. Knows neither models nor HTTP.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from secretariat.models.errors import ModelError

_REMEMBERED = 1024


class Held(Protocol):
    @property
    def bytes(self) -> int:
        """What it takes in memory."""
        ...

    @property
    def keeps(self) -> bool:
        """Whether somebody relies on its staying."""
        ...

    def put_away(self) -> None:
        """It will be wanted again."""
        ...

    def close(self) -> None: ...


H = TypeVar("H", bound=Held)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Switch:
    """`seconds`: to put away what was in the way and to load `name`; `waited`: until there was a turn for it."""

    name: str
    seconds: float
    waited: float


@dataclass(slots=True, eq=False)
class _Place(Generic[H]):
    held: H | None = None
    loading: "asyncio.Task[None] | None" = None
    users: int = 0
    queued: int = 0
    used_at: float = 0.0
    since: float = 0.0
    leaving: bool = False
    needed: int | None = None

    @property
    def movable(self) -> bool:
        return self.held is not None and not self.held.keeps

    @property
    def idle(self) -> bool:
        return self.movable and self.users == 0 and (self.leaving or self.queued == 0)


@dataclass(frozen=True, slots=True)
class Turns:
    """Seconds. `patience`: the longest that one waits for room; 0 refuses at once where all is in use. `least`:
    how long one in use may stay before it has to make way for one that waits."""

    patience: float = 0.0
    least: float = 0.25


@dataclass(slots=True)
class Pool(Generic[H]):
    """`load` and `size` run in a thread and raise ModelError; `size` says what a thing will take. `budget` None:
    no limit. `left` hears of each that is put away. `hint`: what could be done about one that can never fit."""

    load: Callable[[str], H]
    size: Callable[[str], int]
    budget: int | None = None
    turns: Turns = Turns()
    left: Callable[[str, H], None] = lambda name, held: None  # noqa: ARG005
    hint: Callable[[str], str] = lambda name: ""  # noqa: ARG005
    switches: "deque[Switch]" = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    switched: int = 0
    switching: float = 0.0
    _places: "dict[str, _Place[H]]" = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="loader")
    )

    def held(self, name: str) -> H | None:
        place = self._places.get(name)
        return None if place is None else place.held

    @property
    def used(self) -> int:
        return sum(place.held.bytes for place in self._places.values() if place.held is not None)

    @contextlib.asynccontextmanager
    async def use(self, name: str) -> AsyncGenerator[H, None]:
        """It stays in memory as long as it is used. Raises ModelError: overloaded when `patience` ran out,
        invalid_request for one that can never fit, and whatever `load` raises."""
        place = self._places.setdefault(name, _Place())
        held = await self._entered(name, place)
        place.users += 1
        try:
            yield held
        finally:
            place.users -= 1
            place.used_at = time.monotonic()
            self._changed.set()

    async def close(self) -> None:
        for place in self._places.values():
            if place.loading is not None:
                await asyncio.gather(place.loading, return_exceptions=True)
            if place.held is not None:
                held, place.held = place.held, None
                await asyncio.get_running_loop().run_in_executor(self._thread, held.close)
        self._thread.shutdown()

    async def _entered(self, name: str, place: "_Place[H]") -> H:
        place.queued += 1
        try:
            while place.held is None or place.leaving:
                if place.loading is None:
                    place.loading = asyncio.create_task(self._bring(name, place))
                    place.loading.add_done_callback(_noticed)
                await asyncio.shield(place.loading)
            return place.held
        finally:
            place.queued -= 1
            self._changed.set()

    async def _bring(self, name: str, place: "_Place[H]") -> None:
        """One at a time, in the order of asking."""
        asked = time.monotonic()
        try:
            async with self._one_at_a_time:
                if place.held is not None and not place.leaving:
                    return
                waited = await self._make_room(name, place, asked)
                loaded = await self._in_thread(self.load, name)
                now = time.monotonic()
                place.held, place.since, place.leaving = loaded, now, False
                place.needed = loaded.bytes
                self._count(Switch(name, now - asked - waited, waited))
        finally:
            place.loading = None

    def _count(self, switch: Switch) -> None:
        self.switches.append(switch)
        self.switched += 1
        self.switching += switch.seconds

    async def _make_room(self, name: str, place: "_Place[H]", asked: float) -> float:
        """Seconds that went by waiting."""
        waited = time.monotonic() - asked
        if self.budget is None:
            return waited
        needed = place.needed  # as it was when it was there
        if needed is None:
            needed = await self._in_thread(self.size, name)
        if needed > self.budget:
            raise ModelError(
                "invalid_request",
                f"{name} needs {needed} bytes, the server has {self.budget}: {self.hint(name)}",
                param="model",
            )
        try:
            while needed + self.used > self.budget:
                idle = [entry for entry in self._places.items() if entry[1].idle]
                if idle:
                    await self._put_away(*min(idle, key=lambda entry: entry[1].used_at))
                else:
                    waited += await self._next_change(name, place, asked)
        finally:
            for other in self._places.values():
                other.leaving = other.leaving and other.held is None
        return waited

    async def _next_change(self, name: str, place: "_Place[H]", asked: float) -> float:
        began = time.monotonic()
        busy = [other for other in self._places.values() if other.movable and other is not place]
        left = asked + self.turns.patience - began
        if not busy or left <= 0:
            raise ModelError("overloaded", f"no room for {name}: other models are in use", retryable=True)
        longest = min(busy, key=lambda other: (not other.leaving, other.since))
        turn = max(asked, longest.since) + self.turns.least - began
        if turn <= 0:
            longest.leaving = True
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), min(left, turn) if turn > 0 else left)
        return time.monotonic() - began

    async def _in_thread(self, work: Callable[[str], R], name: str) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, name)

    async def _put_away(self, name: str, place: "_Place[H]") -> None:
        if place.held is None:
            return
        held, place.held, place.leaving = place.held, None, False
        self.left(name, held)
        await asyncio.get_running_loop().run_in_executor(self._thread, held.put_away)


def _noticed(task: "asyncio.Task[None]") -> None:
    """Whoever waited for it has left: its failure was told where it happened."""
    if not task.cancelled():
        task.exception()
