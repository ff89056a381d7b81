"""The words of questions, in and out of the store of contents."""

from collections.abc import Sequence
from uuid import UUID

import orjson

from secretariat.platform.contents.store import JSON, ContentStore, StoredContent
from secretariat.platform.db.session import TenantSession
from secretariat.platform.evaluation.questions import Question
from secretariat.platform.tables.evaluations import QuestionRow


async def put(
    session: TenantSession, contents: ContentStore, questions: Sequence[Question]
) -> list[StoredContent]:
    return await contents.put_many(session, [orjson.dumps(one.as_json()) for one in questions], JSON)


async def read(
    session: TenantSession, contents: ContentStore, rows: Sequence[QuestionRow]
) -> dict[UUID, Question]:
    """By the rows' ids; without those of a set that was deleted."""
    held = {row.id: row.content_id for row in rows if row.content_id is not None}
    words = await contents.get_many(session, list(held.values()))
    return {row_id: Question(**orjson.loads(words[content_id])) for row_id, content_id in held.items()}
