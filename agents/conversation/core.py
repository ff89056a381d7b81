"""The words of conversations: a turn, what was said before it, its events, and the seams it acts through.

As with tasks, every event is journalled by whoever runs the turn before the turn goes on. Knows nothing of SQL,
HTTP or Celery.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol
from uuid import UUID

from pydantic import Field, TypeAdapter

from secretariat.agents.core import (
    CitationAdded,
    CitationClaim,
    Event,
    ModelAnswered,
    ModelPrompted,
    OutputDelta,
    PlanProposed,
    RetrievalCompleted,
)
from secretariat.models.client import ChatModel, Embedder
from secretariat.models.core import CallContext
from secretariat.retrieval.core import DocumentTexts, Scope, Searcher

TurnKind = Literal["question", "telling", "small_talk", "about_conversation"]
Route = Literal["search", "whole_documents", "conversation", "none"]


class Recollection(Event):
    """Words of an earlier turn; offsets are characters of what was said there."""

    turn_id: UUID
    start: int
    end: int
    quote: str
    quote_sha256: str
    score: float | None = None


class Cost(Event):
    """What a way of answering would take: tokens to be read anew, and seconds.

    `measured`: at what this process has seen the model do; until then settings stand in for it.
    """

    tokens: int
    seconds: float
    measured: bool = False


class TurnStarted(Event):
    type: Literal["turn.started"] = "turn.started"
    text: str


class QuestionResolved(Event):
    """The question as it stands alone. `by`: as it was asked, by a rule, or chosen by the model."""

    type: Literal["question.resolved"] = "question.resolved"
    kind: TurnKind
    question: str
    by: Literal["as_asked", "rule", "model"]


class RouteChosen(Event):
    """Search, or whole documents to a long-context model: with what each would cost and the reason."""

    type: Literal["route.chosen"] = "route.chosen"
    route: Route
    reason: str
    search: Cost | None = None
    whole_documents: Cost | None = None
    documents: tuple[UUID, ...] = ()


class MemoryRecalled(Event):
    """What was said in this conversation and may bear on the question, best first."""

    type: Literal["memory.recalled"] = "memory.recalled"
    step: str
    recalled: tuple[Recollection, ...]


class TurnCited(Event):
    """The answer quotes an earlier turn."""

    type: Literal["turn.cited"] = "turn.cited"
    step: str
    recollection: Recollection


class TurnCompleted(Event):
    """`abstained`: neither the sources nor the conversation hold an answer."""

    type: Literal["turn.completed"] = "turn.completed"
    answer: str
    citations: tuple[CitationClaim, ...]
    recalled: tuple[Recollection, ...]
    abstained: bool


class TurnFailed(Event):
    type: Literal["turn.failed"] = "turn.failed"
    code: str
    message: str


class TurnStopped(Event):
    type: Literal["turn.stopped"] = "turn.stopped"
    message: str = "Stopped on request."


Shared = (
    PlanProposed | ModelPrompted | ModelAnswered | RetrievalCompleted | OutputDelta | CitationAdded
)  # events that tasks have, too

TurnEvent = Annotated[
    TurnStarted
    | QuestionResolved
    | RouteChosen
    | PlanProposed
    | ModelPrompted
    | ModelAnswered
    | RetrievalCompleted
    | MemoryRecalled
    | OutputDelta
    | CitationAdded
    | TurnCited
    | TurnCompleted
    | TurnFailed
    | TurnStopped,
    Field(discriminator="type"),
]

TURN_EVENT: TypeAdapter[TurnEvent] = TypeAdapter(TurnEvent)


@dataclass(frozen=True, slots=True)
class Exchange:
    """An earlier turn on the way to this one. `question` is how it was understood, `answer` what was said.

    `whole`: the documents that it read whole, in order; `copied`: what was asked of them, and the words that came.
    """

    turn_id: UUID
    text: str
    question: str
    answer: str
    quotes: tuple[str, ...] = ()
    whole: tuple[UUID, ...] = ()
    copied: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """What is asked, by whom, after what. `window`: the last exchanges, oldest first; `summary`: of those before.

    `given` are the quotes of other answers to the same text: a new answer looks past them.
    """

    id: UUID
    text: str
    scope: Scope
    instructions: str = ""
    collection_ids: frozenset[UUID] | None = None
    window: tuple[Exchange, ...] = ()
    summary: str = ""
    given: frozenset[str] = frozenset()
    max_model_calls: int = 12


class ConversationMemory(Protocol):
    """What was said earlier on the way to this turn."""

    async def recall(self, question: str, vector: bytes, limit: int) -> Sequence[Recollection]:
        """The sentences nearest to the question, best first; `vector` is its embedding."""
        ...


@dataclass(frozen=True, slots=True)
class DocumentSize:
    """A document that may be read, and how many characters its text has."""

    id: UUID
    title: str
    characters: int


class Shelf(Protocol):
    """The documents in reach of a question."""

    async def sizes(
        self, scope: Scope, collection_ids: frozenset[UUID] | None, limit: int
    ) -> Sequence[DocumentSize]:
        """Those that the scope may read now; at most `limit` + 1, which says that there are more."""
        ...

    async def denied(self, scope: Scope, collection_ids: frozenset[UUID] | None) -> int:
        """How many documents there are besides that the scope may not read: for the record."""
        ...


@dataclass(frozen=True, slots=True)
class Reader:
    """The chat model as far as the choice of a route goes: its context, and how fast it reads (tokens/s).

    `search_seconds`: what looking one thing up took lately, with all that belongs to it; None until it was seen.
    """

    context_length: int
    prefill_rate: float
    rate_from: Literal["measured", "setting"]
    search_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class TurnContext:
    """Everything that answering a turn may use. `journal`: the events of earlier leases, in order.

    `long_context`: how many tokens a model has to take for whole documents to be given to it.
    """

    chat: ChatModel
    call: CallContext
    searcher: Searcher
    texts: DocumentTexts
    embedder: Embedder
    memory: ConversationMemory
    shelf: Shelf
    reader: Reader | None = None
    long_context: int = 32_768
    journal: Sequence[TurnEvent] = ()
