"""The words of the agent side: a task, its events, and the seams it acts through.

Every event is journalled by whoever runs the loop before the loop goes on, so an event that announces
an effect is on record before the effect happens. Knows nothing of SQL, HTTP or Celery.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from secretariat.models.client import ChatModel, Classifier, Embedder
from secretariat.models.core import CallContext
from secretariat.retrieval.core import DocumentTexts, Scope, Searcher

MOST_TOKENS = 32_000  # of all of a task's prompts and answers, unless it says otherwise

ToolName = Literal[
    "search", "read", "calculate", "write_report", "answer", "summarise", "translate", "classify"
]


@dataclass(frozen=True, slots=True)
class Task:
    """What was asked, by whom (the scope) and within which limits."""

    id: UUID
    request: str
    scope: Scope
    instructions: str = ""
    collection_ids: frozenset[UUID] | None = None
    max_model_calls: int = 24
    max_tokens: int = MOST_TOKENS


class Event(BaseModel):
    """Base of all events: frozen, closed, JSON in and out without loss."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PlanStep(Event):
    """One node of the plan. `after` names the steps whose results it may use."""

    id: str
    tool: ToolName
    arguments: dict[str, Any]
    after: tuple[str, ...] = ()
    purpose: str = ""


class CitationClaim(Event):
    """A quote and where it stands; offsets are characters of the document's stored text."""

    document_id: UUID
    document: str
    chunk_id: UUID | None = None
    start: int
    end: int
    quote: str
    quote_sha256: str
    verified: bool


class RetrievedPassage(Event):
    """`rule` is the grant by which the searcher could read it."""

    document_id: UUID
    document: str
    chunk_id: UUID
    start: int
    end: int
    text: str
    score: float
    rule: UUID | None = None


class ModelUse(Event):
    """Which model answered and what it cost."""

    name: str
    weights_sha256: str
    engine: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0


class TaskStarted(Event):
    type: Literal["task.started"] = "task.started"
    request: str


class IntentClassified(Event):
    type: Literal["intent.classified"] = "intent.classified"
    intent: str
    confidence: float | None = None


class PlanProposed(Event):
    type: Literal["plan.proposed"] = "plan.proposed"
    steps: tuple[PlanStep, ...]
    plan_sha256: str


class ModelPrompted(Event):
    """A prompt is about to be sent. `purpose` says what for (intent, plan, answer, …)."""

    type: Literal["model.prompted"] = "model.prompted"
    call: str
    step: str | None
    purpose: str
    messages: tuple[dict[str, str], ...]
    constraint: dict[str, Any] | None = None


class ModelAnswered(Event):
    type: Literal["model.answered"] = "model.answered"
    call: str
    step: str | None
    purpose: str
    text: str
    finish_reason: str
    model: ModelUse
    mean_logprob: float | None = None
    seconds: float


class StepStarted(Event):
    type: Literal["step.started"] = "step.started"
    step: str
    tool: ToolName


class ToolRequested(Event):
    """A tool is about to run with exactly these arguments."""

    type: Literal["tool.requested"] = "tool.requested"
    step: str
    tool: ToolName
    arguments: dict[str, Any]
    effect_key: str | None = None


class ToolCompleted(Event):
    type: Literal["tool.completed"] = "tool.completed"
    step: str
    tool: ToolName
    result: dict[str, Any]
    seconds: float


class ToolFailed(Event):
    type: Literal["tool.failed"] = "tool.failed"
    step: str
    tool: ToolName
    code: str
    message: str


class RetrievalCompleted(Event):
    """What a search returned, with the numbers of documents in and out of the caller's reach.

    With `unit` "sentence" the passages are the single sentences of those found before that the model is shown.
    `confidence`: how likely it is that the best passage answers; None where nothing was searched.
    """

    type: Literal["retrieval.completed"] = "retrieval.completed"
    step: str
    query: str
    passages: tuple[RetrievedPassage, ...]
    allowed_count: int
    denied_count: int
    index_seq: int
    unit: Literal["passage", "sentence"] = "passage"
    confidence: float | None = None


class OutputDelta(Event):
    """A piece of the answer as it forms; coalesced, at most four a second."""

    type: Literal["step.output.delta"] = "step.output.delta"
    step: str
    text: str


class ArtifactCreated(Event):
    type: Literal["artifact.created"] = "artifact.created"
    step: str
    artifact_id: UUID
    title: str


class StepCompleted(Event):
    type: Literal["step.completed"] = "step.completed"
    step: str
    tool: ToolName
    summary: str
    seconds: float


class StepFailed(Event):
    type: Literal["step.failed"] = "step.failed"
    step: str
    tool: ToolName
    code: str
    message: str


class CitationAdded(Event):
    type: Literal["citation.added"] = "citation.added"
    step: str
    citation: CitationClaim


class TaskCompleted(Event):
    """`abstained` is true when the answer is that the sources don't hold it."""

    type: Literal["task.completed"] = "task.completed"
    answer: str
    citations: tuple[CitationClaim, ...]
    abstained: bool


class TaskFailed(Event):
    type: Literal["task.failed"] = "task.failed"
    code: str
    message: str


class TaskCancelled(Event):
    type: Literal["task.cancelled"] = "task.cancelled"
    message: str = "Cancelled on request."


TaskEvent = Annotated[
    TaskStarted
    | IntentClassified
    | PlanProposed
    | ModelPrompted
    | ModelAnswered
    | StepStarted
    | ToolRequested
    | ToolCompleted
    | ToolFailed
    | RetrievalCompleted
    | OutputDelta
    | ArtifactCreated
    | StepCompleted
    | StepFailed
    | CitationAdded
    | TaskCompleted
    | TaskFailed
    | TaskCancelled,
    Field(discriminator="type"),
]

TASK_EVENT: TypeAdapter[TaskEvent] = TypeAdapter(TaskEvent)


@dataclass(frozen=True, slots=True)
class Effect:
    """A change outside the loop. The key is what the action is (tool + canonical arguments + task)."""

    key: str
    tool: ToolName
    arguments_sha256: str


@dataclass(frozen=True, slots=True)
class ReportDraft:
    title: str
    markdown: str


class EffectLedger(Protocol):
    """Exactly one effect a key. A reservation left by a crash is taken up again by the same task."""

    async def reserve(self, effect: Effect) -> dict[str, Any] | None:
        """The outcome if the effect was settled before; None when it is ours to carry out now."""
        ...

    async def write_report(self, effect: Effect, report: ReportDraft) -> UUID:
        """Store the report and settle the effect in one commit; a second call returns the first id."""
        ...


@dataclass(frozen=True, slots=True)
class AgentContext:
    """Everything a run may use. `journal` holds the events of earlier leases, in order.

    With an `embedder`, sentences are ranked by meaning as well as by words.
    """

    chat: ChatModel
    call: CallContext
    searcher: Searcher
    texts: DocumentTexts
    effects: EffectLedger
    journal: Sequence[TaskEvent] = ()
    embedder: Embedder | None = None
    classifier: Classifier | None = None
