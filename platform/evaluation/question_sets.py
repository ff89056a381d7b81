"""What can be done with sets of questions. Takes the session first and never commits.

A set is its maker's alone: the names of documents stand in it, and its questions quote what is in these. Which
documents there are is not told by a set.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import EventType, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import TenantSession
from secretariat.platform.evaluation import repository, words
from secretariat.platform.evaluation.questions import Question
from secretariat.platform.indexes.repository import forget
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.tables.evaluations import QuestionRow, QuestionSet
from secretariat.platform.web.errors import ConflictError, NotFoundError


class QuestionSetInUseError(ConflictError):
    code, title = "QUESTION_SET_IN_USE", "The set is in use"


async def create(
    session: TenantSession,
    contents: ContentStore,
    caller: Caller,
    name: str,
    questions: Sequence[Question],
    left_out: int,
) -> QuestionSet:
    row = QuestionSet(
        tenant_id=session.tenant_id,
        id=new_id(),
        name=name,
        questions=len(questions),
        left_out=left_out,
        created_by=caller.user_id,
    )
    await repository.add(session, row)
    stored = await words.put(session, contents, questions)
    await repository.add_questions(
        session,
        [
            QuestionRow(
                tenant_id=session.tenant_id,
                id=new_id(),
                question_set_id=row.id,
                ordinal=ordinal,
                content_id=content.id,
            )
            for ordinal, content in enumerate(stored)
        ],
    )
    required = sum(len(one.required) for one in questions)
    details = {"questions": len(questions), "left_out": left_out, "required": required}
    await _record(session, caller, row, "question_set.created", "ADMIN", details)
    return row


async def question_set(session: TenantSession, caller: Caller, question_set_id: UUID) -> QuestionSet:
    """One's own. Raises NotFoundError."""
    found = await repository.question_set(session, question_set_id, caller.user_id)
    if found is None:
        raise NotFoundError("set of questions")
    return found


async def delete(session: TenantSession, caller: Caller, question_set_id: UUID) -> None:
    """Its words are gone for good; what was measured stays. Raises NotFoundError, QuestionSetInUseError."""
    row = await repository.question_set(session, question_set_id, caller.user_id, lock="update")
    if row is None:
        raise NotFoundError("set of questions")
    if await repository.is_in_use(session, row.id):
        raise QuestionSetInUseError("An evaluation is using it. Wait for its end, or cancel it first.")
    row.deleted_at = now()
    gone = await repository.without_words(session, row.id)
    await forget(session, gone)
    await _record(session, caller, row, "question_set.deleted", "ERASURE", {"contents": len(gone)})


async def _record(
    session: TenantSession,
    caller: Caller,
    row: QuestionSet,
    action: str,
    event_type: EventType,
    details: dict[str, Any],
) -> None:
    await record(
        session,
        caller.did(event_type, action, Resource("question_set", str(row.id), row.name), details=details),
    )
