"""Deleting a conversation for good, and proving it.

Every record in the audit log about the conversation refers to its words by id and commitment. Deletion removes
the words and keeps the list of both; a hash over the commitments stands in the record of the deletion, under the
log's seal. Whoever has the log can compare: each commitment that a record of the conversation names is in the
list, the list has the hash that was sealed, and none of the ids holds words any more. A commitment is salted and
the salt went with the words, so not even a guess of them can be matched.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from secretariat.platform.access import grants
from secretariat.platform.access.caller import Caller
from secretariat.platform.adapters import repository as learnt
from secretariat.platform.adapters.erasure import erase
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.conversations import repository, schemas, service
from secretariat.platform.conversations.journal import TERMINAL_STATUSES
from secretariat.platform.db.session import TenantSession
from secretariat.platform.indexes.repository import forget
from secretariat.platform.kit.times import now, rfc3339
from secretariat.platform.tables.conversations import ConversationRow, TurnRow
from secretariat.platform.web.errors import ConflictError, NotFoundError

ROUTES = "/api/v1/conversations"


class NotDeletedError(ConflictError):
    code, title = "NOT_DELETED", "The conversation is there"


class TurnRunningError(ConflictError):
    code, title = "TURN_RUNNING", "A turn is being answered"


async def delete(
    session: TenantSession, contents: ContentStore, caller: Caller, conversation_id: UUID
) -> schemas.DeletionReceipt:
    """Raises NotFoundError, TurnRunningError."""
    row = await service.own(session, caller, conversation_id)
    turns = await repository.held_turns(session, conversation_id)
    if any(turn.status not in TERMINAL_STATUSES for turn in turns):
        raise TurnRunningError("Stop the turn that is being answered first.")
    words = await _words(session, contents, caller, row, turns)
    row.forgotten = [*row.forgotten, *await repository.commitments(session, words)]
    digest = _digest([each["commitment"] for each in row.forgotten])
    details = {"turns": len(turns), "contents": len(row.forgotten), "commitments_sha256": digest}
    record_id = await service.put_on_record(
        session, caller, "conversation.deleted", conversation_id, details, "ERASURE"
    )
    row.title_id = row.assistant_id = None
    row.deletion = {
        "at": rfc3339(now()),
        "by": str(caller.user_id),
        "record_id": str(record_id),
        "turns": len(turns),
        "commitments_sha256": digest,
    }
    await session.flush()
    await repository.forget_rows(session, conversation_id)
    await grants.revoke_all(session, "conversation", conversation_id)
    await forget(session, words)
    return await _receipt(session, row)


async def receipt(session: TenantSession, caller: Caller, conversation_id: UUID) -> schemas.DeletionReceipt:
    """Compared anew with what is stored. Raises NotFoundError, NotDeletedError."""
    row = await repository.deleted(session, conversation_id, caller.user_id)
    if row is None:
        raise NotFoundError("conversation")
    if row.deletion is None:
        raise NotDeletedError("The conversation has not been deleted.")
    return await _receipt(session, row)


async def _words(
    session: TenantSession,
    contents: ContentStore,
    caller: Caller,
    row: ConversationRow,
    turns: Sequence[TurnRow],
) -> list[UUID]:
    """Everything stored that was said in the conversation, or about it; kept answers lose their keys."""
    ids = [turn.id for turn in turns]
    found = [row.title_id, *(turn.text_id for turn in turns), *(turn.summary_id for turn in turns)]
    found += [event.content_id for event in await repository.all_events(session, ids)]
    found += [each.words_id for each in await repository.feedback(session, ids)]
    found += (await erase(session, caller, learnt.of_turns(ids))).words
    kept = await _kept(session, contents, row)
    await repository.drop_keys(session, list(kept))
    return sorted({*(each for each in found if each is not None), *kept.values()})


async def _kept(session: TenantSession, contents: ContentStore, row: ConversationRow) -> dict[UUID, UUID]:
    """Answers that are kept for Idempotency-Keys: those of its own routes, and that of its making."""
    below = await repository.kept_answers(session, f"{ROUTES}/{row.id}")
    made = await repository.kept_answers(session, ROUTES, f"user:{row.created_by}")
    bodies = await contents.get_many(session, list(made.values()))
    mark = str(row.id).encode()
    return below | {key: answer for key, answer in made.items() if mark in bodies.get(answer, b"")}


async def _receipt(session: TenantSession, row: ConversationRow) -> schemas.DeletionReceipt:
    assert row.deletion is not None
    refs = [UUID(each["ref"]) for each in row.forgotten]
    remaining = await repository.surviving(session, refs)
    digest = _digest([each["commitment"] for each in row.forgotten])
    return schemas.DeletionReceipt(
        conversation_id=row.id,
        deleted_at=datetime.fromisoformat(row.deletion["at"]),
        deleted_by=UUID(row.deletion["by"]),
        record_id=UUID(row.deletion["record_id"]),
        turns=row.deletion["turns"],
        commitments_sha256=row.deletion["commitments_sha256"],
        remaining=remaining,
        verified=remaining == 0 and digest == row.deletion["commitments_sha256"],
        forgotten=[schemas.Forgotten.model_validate(each) for each in row.forgotten],
    )


def _digest(commitments: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(sorted(commitments)).encode()).hexdigest()
