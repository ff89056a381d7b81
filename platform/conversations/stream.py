"""A turn's journal as server-sent events, read from PostgreSQL as that of a task is."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

from secretariat.platform.conversations import journal, repository
from secretariat.platform.conversations.journal import TERMINAL_EVENTS, TERMINAL_STATUSES, JournalEvent
from secretariat.platform.conversations.views import hidden_from
from secretariat.platform.conversations.withhold import shown
from secretariat.platform.services import Services
from secretariat.platform.tasks.policies import Sight
from secretariat.platform.tasks.stream import (
    BATCH,
    HEARTBEAT,
    HEARTBEAT_SECONDS,
    PERMISSION_SECONDS,
    RETRY,
)

LOOK_SECONDS = 0.1  # somebody waits for the first words


async def stream(
    services: Services,
    tenant_id: UUID,
    turn_id: UUID,
    after: int,
    look_again: Callable[[], Awaitable[Sight | None]],
    sight: Sight,
) -> AsyncIterator[str]:
    """Events above `after`, until a terminal one or until `look_again`, asked again and again, says None."""
    yield RETRY
    if await _over(services, tenant_id, turn_id, after):
        return
    spoke = checked = time.monotonic()
    while True:
        if time.monotonic() - checked >= PERMISSION_SECONDS:
            now = await look_again()
            if now is None:
                return
            sight, checked = now, time.monotonic()
        async with services.database.tenant(tenant_id) as session:
            entries = await journal.read(session, services.contents, turn_id, after, BATCH)
            hidden = await hidden_from(session, sight, entries)
        for entry in entries:
            yield spelled(entry, hidden)
            after, spoke = entry.seq, time.monotonic()
            if entry.event.type in TERMINAL_EVENTS:
                return
        if not entries:
            if time.monotonic() - spoke >= HEARTBEAT_SECONDS:
                yield HEARTBEAT
                spoke = time.monotonic()
            await asyncio.sleep(LOOK_SECONDS)


async def _over(services: Services, tenant_id: UUID, turn_id: UUID, after: int) -> bool:
    """Whether the listener has seen the end already."""
    if after <= 0:
        return False
    async with services.database.tenant(tenant_id) as session:
        found = await repository.turns_by_id(session, [turn_id])
        rest = await repository.events(session, turn_id, after, 1)
    return not found or (found[0].status in TERMINAL_STATUSES and not rest)


def spelled(entry: JournalEvent, hidden: frozenset[UUID]) -> str:
    data = shown(entry, hidden).model_dump_json()
    return f"id: {entry.seq}\nevent: {entry.event.type}\ndata: {data}\n\n"
