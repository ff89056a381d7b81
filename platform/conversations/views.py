"""Conversations as readers see them: rows, and what the journals say, as far as each reader's sight goes."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from secretariat.agents.conversation.core import (
    QuestionResolved,
    RouteChosen,
    TurnCompleted,
    TurnFailed,
)
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.conversations import journal, repository, schemas
from secretariat.platform.conversations.policies import Seen
from secretariat.platform.db.session import TenantSession
from secretariat.platform.tables.conversations import TurnFeedbackRow, TurnRow
from secretariat.platform.tasks.policies import Sight
from secretariat.platform.tasks.views import hidden_among
from secretariat.platform.tasks.withhold import citation

_TELLING = ("question.resolved", "route.chosen", "turn.completed", "turn.failed")


@dataclass(slots=True)
class _Told:
    """What the journal says of one turn."""

    resolved: QuestionResolved | None = None
    route: RouteChosen | None = None
    answer: TurnCompleted | None = None
    failure: TurnFailed | None = None


async def conversations(
    session: TenantSession, contents: ContentStore, seen: Sequence[Seen]
) -> list[schemas.Conversation]:
    counts = await repository.turn_counts(session, [each.row.id for each in seen])
    titles = await contents.get_many(session, [each.row.title_id for each in seen if each.row.title_id])
    return [_conversation(each, counts, titles) for each in seen]


def _conversation(seen: Seen, counts: dict[UUID, int], titles: dict[UUID, bytes]) -> schemas.Conversation:
    row = seen.row
    return schemas.Conversation(
        id=row.id,
        title=titles[row.title_id].decode() if row.title_id else None,
        own=seen.own,
        assistant_id=row.assistant_id,
        collection_ids=row.collection_ids,
        turn_count=counts.get(row.id, 0),
        created_by=row.created_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


async def shown(
    session: TenantSession, contents: ContentStore, rows: Sequence[TurnRow], sight: Sight, reader: UUID
) -> list[schemas.Turn]:
    """Turns with what their journals say, and what `reader` thought of them."""
    ids = [row.id for row in rows]
    told = await _told(session, contents, ids)
    texts = await contents.get_many(session, [row.text_id for row in rows])
    hidden = await hidden_among(session, sight, {one for row in rows for one in row.document_ids})
    judged = await judgements(session, contents, await repository.feedback(session, ids, reader))
    by_turn = {each.turn_id: each for each in judged}
    beside = await _beside(session, rows)
    return [
        _turn(row, texts[row.text_id].decode(), told[row.id], hidden).model_copy(
            update={"feedback": by_turn.get(row.id), "beside": beside[row.parent_id]}
        )
        for row in rows
    ]


def quoted(turns: Sequence[schemas.Turn]) -> set[UUID]:
    """The documents of which words show."""
    return {claim.document_id for turn in turns for claim in turn.citations if claim.quote}


async def judgements(
    session: TenantSession, contents: ContentStore, rows: Sequence[TurnFeedbackRow]
) -> list[schemas.Feedback]:
    shown_ = []
    for row in rows:
        words = await contents.json(session, row.words_id) if row.words_id else {}
        shown_.append(
            schemas.Feedback(
                id=row.id,
                turn_id=row.turn_id,
                thumb="up" if row.thumb == "up" else "down",
                correction=words.get("correction"),
                comment=words.get("comment"),
                updated_at=row.updated_at,
            )
        )
    return shown_


async def _told(
    session: TenantSession, contents: ContentStore, turn_ids: Sequence[UUID]
) -> dict[UUID, _Told]:
    told = {turn_id: _Told() for turn_id in turn_ids}
    rows = await repository.events_of(session, turn_ids, _TELLING)
    for row, entry in zip(rows, await journal.decode(session, contents, rows), strict=True):
        match entry.event:
            case QuestionResolved():
                told[row.turn_id].resolved = entry.event
            case RouteChosen():
                told[row.turn_id].route = entry.event
            case TurnCompleted():
                told[row.turn_id].answer = entry.event
            case TurnFailed():
                told[row.turn_id].failure = entry.event
    return told


async def _beside(
    session: TenantSession, rows: Sequence[TurnRow]
) -> dict[UUID | None, list[schemas.TurnBeside]]:
    """By the turn that they follow on."""
    found = defaultdict[UUID | None, list[schemas.TurnBeside]](list)
    for turn_id, parent_id, regenerates in await repository.beside(session, rows):
        found[parent_id].append(schemas.TurnBeside(id=turn_id, regenerates=regenerates))
    return found


def _turn(row: TurnRow, text: str, told: _Told, hidden: frozenset[UUID]) -> schemas.Turn:
    """Without what others say of it: judgements, and the turns beside it."""
    touched = bool(hidden & set(row.document_ids))
    answer = told.answer
    return schemas.Turn(
        id=row.id,
        conversation_id=row.conversation_id,
        parent_id=row.parent_id,
        regenerates=row.regenerates,
        beside=[],
        text=text,
        kind=told.resolved.kind if told.resolved else None,
        question=_question(told.resolved, touched),
        status=row.status,
        answer=answer.answer if answer and not touched else None,
        abstained=row.abstained,
        citations=[citation(claim, hidden) for claim in answer.citations] if answer else [],
        recalled=list(answer.recalled) if answer else [],
        route=_route(told.route, touched),
        error=_error(row, told.failure if not touched else None),
        feedback=None,
        withheld=touched,
        stop_requested=row.stop_requested_at is not None,
        created_by=row.created_by,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def _question(resolved: QuestionResolved | None, touched: bool) -> str | None:
    """As it was understood; not where words of a document that is closed by now may have completed it."""
    if resolved is None or (touched and resolved.by != "as_asked"):
        return None
    return resolved.question


def _route(chosen: RouteChosen | None, touched: bool) -> schemas.RouteView | None:
    """The costs tell of the size of documents, so they go where one of these is closed to the reader."""
    if chosen is None:
        return None
    return schemas.RouteView(
        route=chosen.route,
        reason=chosen.reason,
        search=None if touched else chosen.search,
        whole_documents=None if touched else chosen.whole_documents,
    )


def _error(row: TurnRow, failure: TurnFailed | None) -> schemas.TurnError | None:
    if failure is not None:
        return schemas.TurnError(code=failure.code, message=failure.message)
    return schemas.TurnError(**row.error) if row.error else None
