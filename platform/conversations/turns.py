"""What can be done with turns: say something, have it answered anew, stop it, judge it."""

from collections.abc import Sequence
from uuid import UUID

from secretariat.agents.conversation.core import TurnStopped
from secretariat.agents.conversation.title import title_of
from secretariat.platform.access.caller import Caller
from secretariat.platform.adapters import repository as learnt
from secretariat.platform.adapters.erasure import erase
from secretariat.platform.audit.event import ContentRef, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.contents.store import ContentStore, StoredContent
from secretariat.platform.conversations import journal, repository, schemas, service
from secretariat.platform.conversations.deletion import TurnRunningError
from secretariat.platform.db.session import TenantSession
from secretariat.platform.indexes.repository import forget
from secretariat.platform.jobs.queue import Subject, enqueue, wake
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.tables.conversations import ConversationRow, TurnFeedbackRow, TurnRow
from secretariat.platform.web.errors import ConflictError, NotFoundError

ANSWER = "conversations.answer"


class TurnEndedError(ConflictError):
    code, title = "TURN_ENDED", "The turn has ended"


async def say(
    session: TenantSession,
    contents: ContentStore,
    caller: Caller,
    conversation_id: UUID,
    body: schemas.TurnCreate,
) -> TurnRow:
    """The turn and the job that answers it. Raises NotFoundError, TurnRunningError."""
    row = await service.own(session, caller, conversation_id)
    parent_id = await _parent(session, conversation_id, body)
    stored = await contents.put(session, body.text)
    if row.title_id is None:
        await service.entitle(session, contents, row, title_of(body.text))
    made = TurnRow(
        tenant_id=session.tenant_id,
        id=new_id(),
        conversation_id=conversation_id,
        parent_id=parent_id,
        text_id=stored.id,
        created_by=caller.user_id,
    )
    return await _put_down(session, caller, row, made, stored)


async def _parent(session: TenantSession, conversation_id: UUID, body: schemas.TurnCreate) -> UUID | None:
    """The turn to follow on, which has to have ended. Raises NotFoundError, TurnRunningError."""
    if "parent_id" not in body.model_fields_set:
        parent = await repository.newest_turn(session, conversation_id)
    elif body.parent_id is None:
        return None
    else:
        parent = await turn(session, conversation_id, body.parent_id, "parent turn")
    if parent is None:
        return None
    if parent.status not in journal.TERMINAL_STATUSES:
        raise TurnRunningError("The turn before is still being answered. Wait for its end, or stop it.")
    return parent.id


async def regenerate(
    session: TenantSession, contents: ContentStore, caller: Caller, conversation_id: UUID, turn_id: UUID
) -> TurnRow:
    """Another answer to the same text, beside the first. Raises NotFoundError, TurnRunningError."""
    row = await service.own(session, caller, conversation_id)
    again = await turn(session, conversation_id, turn_id)
    answers = await repository.siblings(session, again.regenerates or again.id)
    if any(each.status not in journal.TERMINAL_STATUSES for each in answers):
        raise TurnRunningError("An answer to it is still being written.")
    stored = await contents.put(session, await contents.get(session, again.text_id))
    made = TurnRow(
        tenant_id=session.tenant_id,
        id=new_id(),
        conversation_id=conversation_id,
        parent_id=again.parent_id,
        regenerates=again.regenerates or again.id,
        text_id=stored.id,
        created_by=caller.user_id,
    )
    return await _put_down(session, caller, row, made, stored)


async def _put_down(
    session: TenantSession, caller: Caller, row: ConversationRow, made: TurnRow, stored: StoredContent
) -> TurnRow:
    await repository.add(session, made)
    subject = Subject("turn", made.id)
    made.job_id = await enqueue(session, ANSWER, subject, queue="conversations", requested_by=caller.user_id)
    row.updated_at = now()
    await session.flush()
    await session.refresh(made)
    await record(
        session,
        caller.did(
            "CONVERSATION",
            "turn.created",
            Resource("turn", str(made.id)),
            details={
                "conversation_id": str(row.id),
                "parent_id": str(made.parent_id) if made.parent_id else None,
                "regenerates": str(made.regenerates) if made.regenerates else None,
                "job_id": str(made.job_id),
            },
            content=(ContentRef("text", stored),),
        ),
    )
    return made


async def turn(session: TenantSession, conversation_id: UUID, turn_id: UUID, what: str = "turn") -> TurnRow:
    """Of a conversation that the caller may read, which was asked before. Raises NotFoundError."""
    found = await repository.turn(session, conversation_id, turn_id)
    if found is None:
        raise NotFoundError(what)
    return found


async def path(
    session: TenantSession, conversation_id: UUID, *, through: UUID | None, after: UUID | None, limit: int
) -> list[TurnRow]:
    """Towards the beginning: from the turn before `after`, or from the newest that follows on `through`, or from
    the newest of all. Raises NotFoundError: no such turn in the conversation."""
    if after is not None:
        start = (await turn(session, conversation_id, after)).parent_id
    elif through is not None:
        start = await repository.newest_under(session, (await turn(session, conversation_id, through)).id)
    else:
        newest = await repository.newest_turn(session, conversation_id)
        start = newest.id if newest is not None else None
    ids = (await repository.lineage(session, start))[:limit] if start is not None else []
    rows = {row.id: row for row in await repository.turns_by_id(session, ids)}
    return [rows[one] for one in ids]


async def stop(
    session: TenantSession, contents: ContentStore, caller: Caller, conversation_id: UUID, turn_id: UUID
) -> TurnRow:
    """One that waits stops at once, one that runs within a second. Raises NotFoundError, TurnEndedError."""
    await service.own(session, caller, conversation_id)
    await turn(session, conversation_id, turn_id)
    found = await repository.locked_turn(session, turn_id)
    assert found is not None
    if found.status in journal.TERMINAL_STATUSES:
        raise TurnEndedError(f"The turn is {found.status}.")
    found.stop_requested_at = found.stop_requested_at or now()
    await _note(session, caller, "turn.stop_requested", found)
    if found.status == "queued":
        await journal.write(session, contents, found, [TurnStopped()], caller.actor)
    elif found.job_id is not None:  # perhaps in a long pause after a failed attempt
        await wake(session, found.job_id)
    await session.flush()
    return found


async def judge(
    session: TenantSession,
    contents: ContentStore,
    caller: Caller,
    conversation_id: UUID,
    turn_id: UUID,
    body: schemas.FeedbackCreate,
) -> TurnFeedbackRow:
    """One judgement a person and turn: a later one takes the place of an earlier. Raises NotFoundError."""
    seen = await service.conversation(session, caller, conversation_id, hold=True)
    on = await turn(session, conversation_id, turn_id)
    words = {"correction": body.correction, "comment": body.comment}
    stored = await contents.put_json(session, words) if any(words.values()) else None
    before = await repository.feedback(session, [turn_id], caller.user_id)
    row = before[0] if before else _blank(session, caller, turn_id)
    stale, row.words_id = row.words_id, stored.id if stored else None
    row.thumb, row.updated_at = body.thumb, now()
    await repository.add(session, row)
    erased = await erase(session, caller, learnt.of_feedback(row.id))
    await _forget_judgement(session, seen.row, [*erased.words, *([stale] if stale else [])])
    content = (ContentRef("feedback", stored),) if stored else ()
    await _note(session, caller, "turn.feedback", on, {"thumb": body.thumb}, content)
    return row


async def _forget_judgement(session: TenantSession, row: ConversationRow, words: Sequence[UUID]) -> None:
    """Records name commitments to the words of a judgement, and of what was learnt from it: the list of what
    is gone keeps these."""
    if words:
        row.forgotten = [*row.forgotten, *await repository.commitments(session, words)]
        await session.flush()
        await forget(session, words)


def _blank(session: TenantSession, caller: Caller, turn_id: UUID) -> TurnFeedbackRow:
    return TurnFeedbackRow(
        tenant_id=session.tenant_id, id=new_id(), turn_id=turn_id, created_by=caller.user_id
    )


async def _note(
    session: TenantSession,
    caller: Caller,
    action: str,
    on: TurnRow,
    details: dict[str, str] | None = None,
    content: Sequence[ContentRef] = (),
) -> None:
    await record(
        session,
        caller.did(
            "CONVERSATION",
            action,
            Resource("turn", str(on.id)),
            details={"conversation_id": str(on.conversation_id), **(details or {})},
            content=tuple(content),
        ),
    )
