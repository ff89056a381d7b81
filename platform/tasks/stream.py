"""The journal as server-sent events, read from PostgreSQL.

PostgreSQL is asked for what is new every fifth of a second while someone listens: one look-up by primary
key, nothing to lose, nothing to set up. Whoever comes back with the number of the last event they saw gets
exactly the rest, from any process.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from uuid import UUID

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from secretariat.platform.services import Services
from secretariat.platform.tasks import journal, repository
from secretariat.platform.tasks.journal import TERMINAL_EVENTS, TERMINAL_STATUSES, JournalEvent
from secretariat.platform.tasks.policies import Sight
from secretariat.platform.tasks.schemas import TaskEventView
from secretariat.platform.tasks.views import hidden_from
from secretariat.platform.web.errors import TooManyRequestsError

STREAMS_EACH = 10
LOOK_SECONDS = 0.2
HEARTBEAT_SECONDS = 15.0
PERMISSION_SECONDS = 0.5  # what is taken away ends a stream within a second
BATCH = 100

HEARTBEAT = ": still here\n\n"
RETRY = "retry: 1000\n\n"


class OpenStreams:
    """How many streams each person has open in this process."""

    def __init__(self) -> None:
        self._open: Counter[UUID] = Counter()

    def open(self, user_id: UUID) -> None:
        """Raises TooManyRequestsError. Each opening needs its closing."""
        if self._open[user_id] >= STREAMS_EACH:
            raise TooManyRequestsError(
                f"There are {STREAMS_EACH} streams open already. Close one first.", retry_after_seconds=5
            )
        self._open[user_id] += 1

    @contextmanager
    def counted(self, user_id: UUID) -> Iterator[None]:
        """For an answer that waits. Raises TooManyRequestsError."""
        self.open(user_id)
        try:
            yield
        finally:
            self.close(user_id)

    def close(self, user_id: UUID) -> None:
        self._open[user_id] -= 1
        if self._open[user_id] <= 0:
            del self._open[user_id]


class CountedStream(StreamingResponse):
    """A stream that counts as open until it has ended, or until who listened has gone."""

    def __init__(self, streams: OpenStreams, user_id: UUID, body: AsyncIterator[str]) -> None:
        super().__init__(
            body,
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )
        streams.open(user_id)
        self._close = partial(streams.close, user_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._close()


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it goes out; nothing follows the last one."""

    seq: int
    text: str
    last: bool


class WatchedJournal(Protocol):
    """A journal that somebody listens to, as far as they may see it."""

    async def news(self, after: int, sight: Sight) -> Sequence[Told]:
        """The next events above `after`, at most BATCH."""
        ...

    async def over(self, after: int) -> bool:
        """Whether who has seen `after` has seen the end."""
        ...


async def watch(
    watched: WatchedJournal,
    after: int,
    sight: Sight,
    look_again: Callable[[], Awaitable[Sight | None]],
    *,
    look_seconds: float = LOOK_SECONDS,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    permission_seconds: float = PERMISSION_SECONDS,
) -> AsyncIterator[str]:
    """Events above `after`, until a terminal one or until `look_again`, asked again and again, says None."""
    yield RETRY
    if after > 0 and await watched.over(after):
        return
    spoke = checked = time.monotonic()
    while True:
        if time.monotonic() - checked >= permission_seconds:
            now = await look_again()
            if now is None:
                return
            sight = now
            checked = time.monotonic()
        entries = await watched.news(after, sight)
        for entry in entries:
            yield entry.text
            after, spoke = entry.seq, time.monotonic()
            if entry.last:
                return
        if not entries:
            if time.monotonic() - spoke >= heartbeat_seconds:
                yield HEARTBEAT
                spoke = time.monotonic()
            await asyncio.sleep(look_seconds)


@dataclass(frozen=True, slots=True)
class TaskJournal:
    """Implements WatchedJournal over a task's journal."""

    services: Services
    tenant_id: UUID
    task_id: UUID

    async def news(self, after: int, sight: Sight) -> Sequence[Told]:
        if await repository.newest_event(self.services.database, self.tenant_id, self.task_id) <= after:
            return ()
        async with self.services.database.tenant(self.tenant_id) as session:
            entries = await journal.read(session, self.services.contents, self.task_id, after, BATCH)
            hidden = await hidden_from(session, sight, entries)
        return [
            Told(entry.seq, spelled(entry, sight, hidden), entry.event.type in TERMINAL_EVENTS)
            for entry in entries
        ]

    async def over(self, after: int) -> bool:
        async with self.services.database.tenant(self.tenant_id) as session:
            row = await repository.task(session, self.task_id)
            rest = await repository.events(session, self.task_id, after, 1)
        return row is None or (row.status in TERMINAL_STATUSES and not rest)


def spelled(entry: JournalEvent, sight: Sight, hidden: frozenset[UUID]) -> str:
    data = TaskEventView.of(entry, sight, hidden).model_dump_json()
    return f"id: {entry.seq}\nevent: {entry.event.type}\ndata: {data}\n\n"
