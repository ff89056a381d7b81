"""What is remembered of a conversation, in PostgreSQL: sentences with their embeddings, and the running summary.

Implements agents.conversation.core.ConversationMemory for the turns that lead to one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from secretariat.agents.conversation.core import Recollection
from secretariat.agents.memory.recall import current, nearest
from secretariat.agents.memory.summary import SummaryLine
from secretariat.agents.memory.told import told
from secretariat.models.client import Embedder
from secretariat.models.core import CallContext
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.conversations import repository
from secretariat.platform.db.session import Database, TenantSession
from secretariat.platform.tables.conversations import TurnMemoryRow, TurnRow
from secretariat.retrieval.cite import quote_sha256


@dataclass(frozen=True, slots=True)
class SqlConversationMemory:
    """`lineage`: the turns before this one, the newest first. Branches don't know of each other."""

    database: Database
    contents: ContentStore
    tenant_id: UUID
    lineage: Sequence[UUID]

    async def recall(self, question: str, vector: bytes, limit: int) -> Sequence[Recollection]:  # noqa: ARG002
        async with self.database.tenant(self.tenant_id) as session:
            rows = await repository.memories(session, self.lineage)
            ranked = nearest(vector, [row.vector for row in rows], limit)
            texts = await self._texts(session, {rows[index].turn_id for index, _ in ranked})
        said = [
            (index, _recollection(rows[index], texts[rows[index].turn_id], near)) for index, near in ranked
        ]
        return current(said)

    async def _texts(self, session: TenantSession, turn_ids: set[UUID]) -> dict[UUID, str]:
        turns = await repository.turns_by_id(session, list(turn_ids))
        words = await self.contents.get_many(session, [turn.text_id for turn in turns])
        return {turn.id: words[turn.text_id].decode() for turn in turns}


def _recollection(row: TurnMemoryRow, text: str, cosine: float) -> Recollection:
    quote = text[row.start : row.end]
    return Recollection(
        turn_id=row.turn_id,
        start=row.start,
        end=row.end,
        quote=quote,
        quote_sha256=quote_sha256(quote),
        score=cosine,
    )


async def embedded(text: str, embedder: Embedder, call: CallContext) -> list[tuple[int, int, bytes]]:
    """(start, end, vector) of the sentences worth remembering. Raises ModelError."""
    spans = told(text)
    if not spans:
        return []
    vectors = (await embedder.embed([span.within(text) for span in spans], call)).vectors
    return [(span.start, span.end, vector) for span, vector in zip(spans, vectors, strict=True)]


async def keep(session: TenantSession, turn: TurnRow, sentences: Sequence[tuple[int, int, bytes]]) -> None:
    """Of a locked turn; once."""
    rows = [
        TurnMemoryRow(
            tenant_id=session.tenant_id,
            turn_id=turn.id,
            ordinal=ordinal,
            conversation_id=turn.conversation_id,
            start=start,
            end=end,
            vector=vector,
        )
        for ordinal, (start, end, vector) in enumerate(sentences)
    ]
    await repository.remember(session, rows)
    turn.remembered = True


async def summary_of(
    session: TenantSession, contents: ContentStore, turn: TurnRow | None
) -> tuple[SummaryLine, ...]:
    """What was said before the window of a turn."""
    if turn is None or turn.summary_id is None:
        return ()
    lines = await contents.json(session, turn.summary_id)
    return tuple(SummaryLine(UUID(line["turn_id"]), line["text"]) for line in lines)


async def summarise(
    session: TenantSession, contents: ContentStore, turn: TurnRow, lines: Sequence[SummaryLine]
) -> None:
    """Put down the summary as it stands before the window of a turn."""
    plain = [{"turn_id": str(line.turn_id), "text": line.text} for line in lines]
    turn.summary_id = (await contents.put_json(session, plain)).id
    await session.flush()
