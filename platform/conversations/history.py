"""What was said on the way to a turn: the last exchanges, the summary of those before, other answers' quotes."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from secretariat.agents.conversation.core import Exchange, TurnCompleted, TurnEvent
from secretariat.agents.conversation.log import TurnLog
from secretariat.agents.conversation.whole import copied
from secretariat.agents.memory.summary import SummaryLine, extended
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.conversations import journal, memory, repository
from secretariat.platform.db.session import TenantSession
from secretariat.platform.tables.conversations import TurnRow

WINDOW = 6
_TELLING = ("question.resolved", "route.chosen", "plan.proposed", "model.answered", "turn.completed")


@dataclass(frozen=True, slots=True)
class History:
    """`lineage`: all turns before, the newest first; `window`: the last of them, oldest first; `summary`: of those
    before the window."""

    lineage: tuple[UUID, ...]
    window: tuple[Exchange, ...]
    summary: tuple[SummaryLine, ...]
    given: frozenset[str]


async def history(
    session: TenantSession, contents: ContentStore, turn: TurnRow, hidden: frozenset[UUID]
) -> History:
    """`hidden`: documents that the asker may not read now; what was quoted from them isn't gone into again."""
    lineage = await repository.lineage(session, turn.parent_id) if turn.parent_id else []
    rows = await repository.turns_by_id(session, lineage[: WINDOW + 1])
    rows.sort(key=lambda row: -lineage.index(row.id))
    exchanges = await _exchanges(session, contents, rows, hidden)
    leaving = exchanges[0] if len(exchanges) > WINDOW else None
    lines = await _open_lines(
        session, await memory.summary_of(session, contents, rows[-1] if rows else None), hidden
    )
    return History(
        lineage=tuple(lineage),
        window=tuple(exchanges[-WINDOW:]),
        summary=lines if leaving is None else extended(lines, leaving),
        given=await _given(session, contents, turn),
    )


async def unremembered(session: TenantSession, turn: TurnRow) -> list[UUID]:
    """Turns shortly before that nobody has embedded yet, the oldest first."""
    lineage = await repository.lineage(session, turn.parent_id) if turn.parent_id else []
    rows = await repository.turns_by_id(session, lineage[: WINDOW + 1])
    behind = {row.id for row in rows if not row.remembered}
    return [one for one in reversed(lineage[: WINDOW + 1]) if one in behind]


async def documents_before(session: TenantSession, contents: ContentStore, turn: TurnRow) -> set[UUID]:
    """Those whose words the turns of the window, or the summary of those before, may hold."""
    lineage = await repository.lineage(session, turn.parent_id) if turn.parent_id else []
    rows = await repository.turns_by_id(session, lineage[: WINDOW + 1])
    parent = next((row for row in rows if row.id == turn.parent_id), None)
    lines = await memory.summary_of(session, contents, parent)
    rows += await repository.turns_by_id(session, [line.turn_id for line in lines])
    return {one for row in rows for one in row.document_ids}


async def _open_lines(
    session: TenantSession, lines: Sequence[SummaryLine], hidden: frozenset[UUID]
) -> tuple[SummaryLine, ...]:
    """Without those of turns that saw a document which is closed by now."""
    rows = await repository.turns_by_id(session, [line.turn_id for line in lines]) if hidden else []
    closed = {row.id for row in rows if hidden & set(row.document_ids)}
    return tuple(line for line in lines if line.turn_id not in closed)


async def _exchanges(
    session: TenantSession, contents: ContentStore, rows: Sequence[TurnRow], hidden: frozenset[UUID]
) -> list[Exchange]:
    texts = await contents.get_many(session, [row.text_id for row in rows])
    told = await repository.events_of(session, [row.id for row in rows], _TELLING)
    entries = defaultdict[UUID, list[TurnEvent]](list)
    for event_row, entry in zip(told, await journal.decode(session, contents, told), strict=True):
        entries[event_row.turn_id].append(entry.event)
    return [_exchange(row, texts[row.text_id].decode(), TurnLog(entries[row.id]), hidden) for row in rows]


def _exchange(row: TurnRow, text: str, told: TurnLog, hidden: frozenset[UUID]) -> Exchange:
    """As it is remembered; without what it said where it saw a document that is closed by now."""
    resolved, answer, route = told.resolved, told.completed, told.route
    asked = resolved is not None and resolved.kind == "question"
    if answer is None or hidden & set(row.document_ids):
        return Exchange(row.id, text, text if asked else "", "")
    return Exchange(
        turn_id=row.id,
        text=text,
        question=resolved.question if resolved is not None and asked else "",
        answer=answer.answer,
        quotes=(*(claim.quote for claim in answer.citations), *(said.quote for said in answer.recalled)),
        whole=route.documents if route is not None else (),
        copied=copied(told.journal.plan, told.journal.answer),
    )


async def _given(session: TenantSession, contents: ContentStore, turn: TurnRow) -> frozenset[str]:
    """What other answers to the same text quoted."""
    if turn.regenerates is None:
        return frozenset()
    others = [one.id for one in await repository.siblings(session, turn.regenerates) if one.id != turn.id]
    rows = await repository.events_of(session, others, ("turn.completed",))
    quotes: set[str] = set()
    for entry in await journal.decode(session, contents, rows):
        if isinstance(entry.event, TurnCompleted):
            quotes |= {claim.quote for claim in entry.event.citations}
            quotes |= {said.quote for said in entry.event.recalled}
    return frozenset(quotes)
