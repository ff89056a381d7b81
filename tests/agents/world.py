"""A small library behind the real search pipeline, and doubles for the seams that the platform fills."""

import hashlib
import json
import re
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID, uuid5

import numpy as np

from secretariat.agents.core import AgentContext, Effect, ReportDraft, Task, TaskEvent
from secretariat.agents.loop import run
from secretariat.models.client import ChatModel, Embedder
from secretariat.models.core import (
    CallContext,
    ChatRequest,
    ChatResult,
    ChoiceConstraint,
    EmbeddingResult,
    JsonSchemaConstraint,
    ModelIdentity,
    TokenEvent,
    TokenLogprob,
    Usage,
    VerbatimSpanConstraint,
)
from secretariat.retrieval.core import (
    Chunk,
    DocumentFilter,
    DocumentText,
    ParsedDocument,
    Permit,
    Scope,
)
from secretariat.retrieval.errors import DocumentNotFoundError
from secretariat.retrieval.index.log import MemoryChunkLog
from secretariat.retrieval.index.view import IndexView
from secretariat.retrieval.search.pipeline import Pipeline
from secretariat.retrieval.split import split

ROOT = UUID("6d9f1f0a-7c52-4d5a-9a57-0d7f3f6d0001")
TENANT = uuid5(ROOT, "tenant")
SCOPE = Scope(TENANT)
CALL = CallContext(tenant="marlow", request_id="r-1")
IDENTITY = ModelIdentity("double", "0" * 64, "double/1", 1, "float32")


class WordEmbedder:
    """Unit vectors of hashed words: near where words are shared. Stands in for the embedding model."""

    async def embed(self, texts: Sequence[str], call: CallContext) -> EmbeddingResult:
        vectors = [self._vector(text) for text in texts]
        return EmbeddingResult(vectors, 64, Usage(len(texts), 0), IDENTITY)

    def _vector(self, text: str) -> bytes:
        vector = np.full(64, 1e-3, dtype="<f4")
        for word in re.findall(r"\w+", text.lower()):
            vector[hashlib.sha256(word.encode()).digest()[0] % 64] += 1
        return bytes((vector / np.linalg.norm(vector)).astype("<f4").tobytes())


@dataclass
class Library:
    """Documents of one tenant: chunked, embedded, readable unless `hidden`."""

    documents: Mapping[str, str]
    embedder: Embedder = field(default_factory=WordEmbedder)
    hidden: frozenset[str] = frozenset()
    log: MemoryChunkLog = field(default_factory=MemoryChunkLog)

    def document_id(self, name: str) -> UUID:
        return uuid5(ROOT, name)

    async def permit(self, scope: Scope) -> Permit:
        return Permit(documents=dict.fromkeys(self._readable(), ROOT))

    async def matching(self, scope: Scope, where: DocumentFilter) -> frozenset[UUID]:
        return self._readable()

    async def readable(self, scope: Scope, document_ids: Collection[UUID]) -> dict[UUID, UUID]:
        return dict.fromkeys(self._readable().intersection(document_ids), ROOT)

    def _readable(self) -> frozenset[UUID]:
        return frozenset(self.document_id(name) for name in self.documents if name not in self.hidden)

    async def text(self, scope: Scope, document_id: UUID) -> DocumentText:
        for name, text in self.documents.items():
            if self.document_id(name) == document_id and name not in self.hidden:
                return DocumentText(name, text, ROOT)
        raise DocumentNotFoundError("No such document.")

    async def fill(self) -> None:
        for name, text in self.documents.items():
            drafts = split(ParsedDocument(name, text, "text/markdown"))
            embedded = await self.embedder.embed([draft.text for draft in drafts], CALL)
            self.log.append(
                Chunk(
                    id=uuid5(self.document_id(name), str(draft.ordinal)),
                    collection_id=uuid5(ROOT, "collection"),
                    document_id=self.document_id(name),
                    document_title=name,
                    ordinal=draft.ordinal,
                    span=draft.span,
                    text=draft.text,
                    heading_path=draft.heading_path,
                    sha256=draft.sha256,
                    vector=vector,
                    seq=0,
                    page=None,
                )
                for draft, vector in zip(drafts, embedded.vectors, strict=True)
            )

    async def searcher(self) -> Pipeline:
        if not await self.log.head():
            await self.fill()
        view = IndexView(TENANT, self.log, None)
        return Pipeline(view, self, self.embedder, CALL)


def lookups(*queries: str) -> str:
    return json.dumps({"steps": [{"tool": "search", "query": query} for query in queries]})


class ScriptedChat:
    """A ChatModel that says what it was told to for each kind of prompt, inside the prompt's constraint.

    `plan` is the JSON of the plan; quotes are the best line, whole; `faults` are raised first, in turn.
    """

    def __init__(
        self,
        *,
        intent: str = "look up",
        plan: str | None = None,
        faults: Iterable[Exception] = (),
    ) -> None:
        self.requests: list[ChatRequest] = []
        self._intent = intent
        self._plan = plan
        self._faults = list(faults)

    async def chat(self, request: ChatRequest, call: CallContext) -> ChatResult:
        self.requests.append(request)
        if self._faults:
            raise self._faults.pop(0)
        text = self._reply(request)
        if isinstance(request.constraint, ChoiceConstraint):
            assert text in request.constraint.choices, (text, request.constraint)
        words = sum(len(message.content.split()) for message in request.messages)
        return ChatResult(text, "stop", Usage(words, 1), IDENTITY, (TokenLogprob(text, -0.1),))

    def _reply(self, request: ChatRequest) -> str:
        if isinstance(request.constraint, JsonSchemaConstraint):
            return self._plan or lookups(request.messages[-1].content)
        if isinstance(request.constraint, VerbatimSpanConstraint):
            return request.constraint.texts[0]
        return self._intent

    async def stream(self, request: ChatRequest, call: CallContext) -> AsyncIterator[TokenEvent]:
        result = await self.chat(request, call)
        yield TokenEvent(result.text, result.logprobs, result.finish_reason, result.usage, result.model)

    async def count_tokens(self, texts: Sequence[str], call: CallContext) -> list[int]:
        return [len(text.split()) for text in texts]


class CrashError(Exception):
    """The process dies here."""


class MemoryLedger:
    """An EffectLedger that survives its users. `crash` says at which moment the process dies, once."""

    def __init__(self, crash: str | None = None) -> None:
        self.reports: dict[str, tuple[UUID, ReportDraft]] = {}
        self.reserved: set[str] = set()
        self._crash = crash

    async def reserve(self, effect: Effect) -> dict[str, Any] | None:
        if effect.key in self.reports:
            return {"artifact_id": str(self.reports[effect.key][0])}
        self.reserved.add(effect.key)
        self._die("after reserve")
        return None

    async def write_report(self, effect: Effect, report: ReportDraft) -> UUID:
        assert effect.key in self.reserved
        if effect.key not in self.reports:
            self.reports[effect.key] = (uuid5(ROOT, effect.key), report)
            self._die("after settle")
        return self.reports[effect.key][0]

    def _die(self, moment: str) -> None:
        if self._crash == moment:
            self._crash = None
            raise CrashError(moment)


def task(request: str, **changes: Any) -> Task:
    return Task(id=uuid5(ROOT, request), request=request, scope=SCOPE, **changes)


async def context(
    library: Library,
    chat: ChatModel,
    *,
    ledger: MemoryLedger | None = None,
    journal: Sequence[TaskEvent] = (),
    call: CallContext = CALL,
    embedder: Embedder | None = None,
) -> AgentContext:
    return AgentContext(
        chat=chat,
        call=call,
        searcher=await library.searcher(),
        texts=library,
        effects=ledger or MemoryLedger(),
        journal=tuple(journal),
        embedder=embedder,
    )


async def events_of(task_: Task, context_: AgentContext) -> list[TaskEvent]:
    return [event async for event in run(task_, context_)]


Kind = TypeVar("Kind", bound=TaskEvent)


def last(kind: type[Kind], events: Sequence[TaskEvent]) -> Kind:
    """The event that ended the run, which has to be of this kind."""
    assert isinstance(events[-1], kind), events[-1]
    return events[-1]


def only(kind: type[Kind], events: Sequence[TaskEvent]) -> list[Kind]:
    return [event for event in events if isinstance(event, kind)]


async def recorded(journal: list[TaskEvent], events: AsyncIterator[TaskEvent]) -> None:
    """Follow a run; what was seen stays in `journal` whatever ends it."""
    async for event in events:
        journal.append(event)  # noqa: PERF401
