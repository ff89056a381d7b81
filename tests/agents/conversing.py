"""A conversation over the small library, without a platform: what was said is kept in a list."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid5

from secretariat.agents.conversation.answer import answer
from secretariat.agents.conversation.core import (
    DocumentSize,
    Exchange,
    QuestionResolved,
    Reader,
    Recollection,
    Turn,
    TurnCompleted,
    TurnContext,
    TurnEvent,
)
from secretariat.agents.conversation.log import TurnLog
from secretariat.agents.conversation.whole import copied
from secretariat.agents.memory.recall import current, nearest
from secretariat.agents.memory.told import told
from secretariat.models.client import ChatModel, Embedder
from secretariat.retrieval.cite import quote_sha256
from secretariat.retrieval.core import Scope
from tests.agents.world import CALL, ROOT, SCOPE, Library


@dataclass
class Conversation:
    """Implements ConversationMemory and Shelf. `events` are those of the newest turn that was said."""

    library: Library
    chat: ChatModel
    embedder: Embedder
    reader: Reader | None = None
    long_context: int = 32_768
    exchanges: list[Exchange] = field(default_factory=list)
    remembered: list[tuple[UUID, int, int, str, bytes]] = field(default_factory=list)
    events: list[TurnEvent] = field(default_factory=list)

    async def recall(self, question: str, vector: bytes, limit: int) -> Sequence[Recollection]:
        ranked = nearest(vector, [row[4] for row in self.remembered], limit)
        return current([(row, _recollection(*self.remembered[row][:4])) for row, _ in ranked])

    async def sizes(
        self, scope: Scope, collection_ids: frozenset[UUID] | None, limit: int
    ) -> Sequence[DocumentSize]:
        documents = self.library.documents
        ids = [(self.library.document_id(name), name) for name in documents]
        return [DocumentSize(one, name, len(documents[name])) for one, name in ids][: limit + 1]

    async def denied(self, scope: Scope, collection_ids: frozenset[UUID] | None) -> int:
        return 0

    async def context(self, journal: Sequence[TurnEvent] = ()) -> TurnContext:
        return TurnContext(
            chat=self.chat,
            call=CALL,
            searcher=await self.library.searcher(),
            texts=self.library,
            embedder=self.embedder,
            memory=self,
            shelf=self,
            reader=self.reader,
            long_context=self.long_context,
            journal=journal,
        )

    def turn(self, text: str, given: frozenset[str] = frozenset()) -> Turn:
        one = uuid5(ROOT, f"turn {len(self.exchanges)} {text}")
        return Turn(id=one, text=text, scope=SCOPE, window=tuple(self.exchanges[-6:]), given=given)

    async def say(self, text: str) -> TurnCompleted:
        """Said, answered and remembered."""
        turn = self.turn(text)
        events = [event async for event in answer(turn, await self.context())]
        completed = events[-1]
        assert isinstance(completed, TurnCompleted), completed
        (resolved,) = (event for event in events if isinstance(event, QuestionResolved))
        quotes = [claim.quote for claim in completed.citations] + [said.quote for said in completed.recalled]
        question = resolved.question if resolved.kind == "question" else ""
        log = TurnLog(events)
        whole = log.route.documents if log.route is not None else ()
        read = copied(log.journal.plan, log.journal.answer)
        said = Exchange(turn.id, text, question, completed.answer, tuple(quotes), whole, read)
        self.exchanges.append(said)
        self.events = events
        spans = told(text)
        if spans:
            vectors = (await self.embedder.embed([span.within(text) for span in spans], CALL)).vectors
            self.remembered += [
                (turn.id, span.start, span.end, span.within(text), vector)
                for span, vector in zip(spans, vectors, strict=True)
            ]
        return completed


def _recollection(turn: UUID, start: int, end: int, quote: str) -> Recollection:
    return Recollection(turn_id=turn, start=start, end=end, quote=quote, quote_sha256=quote_sha256(quote))
