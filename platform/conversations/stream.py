"""A turn's journal as server-sent events, watched as that of a task is."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from secretariat.platform.conversations import journal, repository
from secretariat.platform.conversations.journal import TERMINAL_EVENTS, TERMINAL_STATUSES, JournalEvent
from secretariat.platform.conversations.withhold import shown
from secretariat.platform.services import Services
from secretariat.platform.tasks.policies import Sight
from secretariat.platform.tasks.stream import BATCH, Told
from secretariat.platform.tasks.views import hidden_among


@dataclass(frozen=True, slots=True)
class TurnJournal:
    """Implements platform.tasks.stream.WatchedJournal over a turn's journal."""

    services: Services
    tenant_id: UUID
    turn_id: UUID

    async def news(self, after: int, sight: Sight) -> Sequence[Told]:
        if await repository.newest_event(self.services.database, self.tenant_id, self.turn_id) <= after:
            return ()
        async with self.services.database.tenant(self.tenant_id) as session:
            entries = await journal.read(session, self.services.contents, self.turn_id, after, BATCH)
            documents = {one for entry in entries for one in entry.documents}
            hidden = await hidden_among(session, sight, documents)
        return [
            Told(entry.seq, spelled(entry, sight, hidden), entry.event.type in TERMINAL_EVENTS)
            for entry in entries
        ]

    async def over(self, after: int) -> bool:
        async with self.services.database.tenant(self.tenant_id) as session:
            found = await repository.turns_by_id(session, [self.turn_id])
            rest = await repository.events(session, self.turn_id, after, 1)
        return not found or (found[0].status in TERMINAL_STATUSES and not rest)


def spelled(entry: JournalEvent, sight: Sight, hidden: frozenset[UUID]) -> str:
    data = shown(entry, sight, hidden).model_dump_json()
    return f"id: {entry.seq}\nevent: {entry.event.type}\ndata: {data}\n\n"
