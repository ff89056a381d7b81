"""A turn's life: what is asked, where to look, what is quoted, the answer. One pass that yields events.

Whoever runs it puts each event on record before asking for the next; given that record again, it takes the same
path without repeating what was done. Knows no database, no lease and no HTTP.

Every sentence of an answer about documents is a quote that was compared with its document; what was told earlier
in the conversation is quoted from the turn in which it was said. Where neither holds an answer,
that is the answer.
"""

import contextlib
import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from secretariat.agents.context import Run
from secretariat.agents.conversation import resolve
from secretariat.agents.conversation.core import (
    QuestionResolved,
    Recollection,
    Turn,
    TurnCited,
    TurnCompleted,
    TurnContext,
    TurnEvent,
    TurnFailed,
    TurnStarted,
)
from secretariat.agents.conversation.kind import NOTED, kind_of, reply
from secretariat.agents.conversation.log import TurnLog
from secretariat.agents.conversation.looking import Look, looked, plan, routed, take_route
from secretariat.agents.conversation.route import takes_whole
from secretariat.agents.core import (
    MOST_TOKENS,
    AgentContext,
    CitationAdded,
    Effect,
    OutputDelta,
    ReportDraft,
    Task,
)
from secretariat.agents.errors import AgentError
from secretariat.agents.planner import MOST_SEARCHES
from secretariat.agents.reading import Finding, claim
from secretariat.agents.tools.builtin.answer import NOT_IN_SOURCES, plain
from secretariat.models.errors import ModelError
from secretariat.retrieval.errors import DocumentNotFoundError, RetrievalError

_FAILURES = (AgentError, ModelError, RetrievalError)


async def answer(turn: Turn, context: TurnContext) -> AsyncGenerator[TurnEvent, None]:
    """New events only, ending in TurnCompleted or TurnFailed; nothing if the journal has ended already.

    Stopping is closing the iterator. Raises ModelError when a model, asked again, still can't answer for now: the
    turn hasn't failed, and its journal goes on from there.
    """
    log = TurnLog(context.journal)
    if log.ended:
        return
    async with contextlib.aclosing(_life(turn, context, log)) as events:
        async for event in events:
            if log.admit(event):
                yield event


async def _life(turn: Turn, context: TurnContext, log: TurnLog) -> AsyncGenerator[TurnEvent, None]:
    try:
        yield TurnStarted(text=turn.text)
        async for event in _understood(turn, context, log):
            yield event
        assert log.resolved is not None
        if log.resolved.kind == "question":
            async for event in _answered(_look(turn, context, log)):
                yield event
        else:
            async for event in _replied(turn, log.resolved):
                yield event
    except _FAILURES as error:
        if isinstance(error, ModelError) and error.retryable:
            raise
        yield TurnFailed(code=error.code, message=error.message)


async def _understood(turn: Turn, context: TurnContext, log: TurnLog) -> AsyncIterator[TurnEvent]:
    if log.resolved is not None:
        return
    kind = kind_of(turn.text)
    if kind != "question":
        yield QuestionResolved(kind=kind, question=turn.text, by="as_asked")
        return
    run = _run(turn, context, log, turn.text)
    async for event in resolve.resolve(run, turn.text, turn.window):
        yield event  # type: ignore[misc]  # prompts and answers alone
    made = resolve.resolved(run, turn.text, turn.window)
    yield QuestionResolved(kind=kind, question=made.question, by=made.by)


async def _replied(turn: Turn, resolved: QuestionResolved) -> AsyncIterator[TurnEvent]:
    """What takes no look at documents."""
    said = {"telling": NOTED, "small_talk": reply(turn.text), "about_conversation": _so_far(turn)}
    text = said[resolved.kind]
    yield OutputDelta(step="reply", text=text)
    yield TurnCompleted(answer=text, citations=(), recalled=(), abstained=False)


def _so_far(turn: Turn) -> str:
    """The summary of what was said before the window, and the window."""
    lines = [line for line in turn.summary.split("\n") if line]
    lines += [f"{each.text} {_MARK.sub('', each.answer)}".strip() for each in turn.window if each.text]
    return "\n".join(["So far:", *(f"- {' '.join(line.split())}" for line in lines)]) if lines else _NOTHING


_NOTHING = "Nothing was said before this."
_MARK = re.compile(r" \[\d+\]")


async def _answered(look: Look) -> AsyncIterator[TurnEvent]:
    """Part by part, each shown as soon as it is found."""
    async for event in take_route(look):
        yield event
    yield plan(look)
    said = _Said()
    for step, question in look.steps:
        async for event in looked(look, step, question, said.findings):
            yield event
        finding = routed(look, step)
        if finding is None:
            said.open.append(question)
        elif not said.has(finding):
            async for event in _quoted(look, step, finding, said):
                yield event
    for text in said.closing():
        yield OutputDelta(step="answer", text=text)
    yield said.completed()


async def _quoted(look: Look, step: str, finding: Finding, said: "_Said") -> AsyncIterator[TurnEvent]:
    """The quote with its source, then the words that show it."""
    earlier = look.recollection(step, finding)
    if earlier is None:
        try:
            cited = await claim(look.run, finding)
        except DocumentNotFoundError:  # closed since it was read
            said.open.append(finding.question)
            return
        yield CitationAdded(step=step, citation=cited)
        text = said.cite(finding, cited)
    else:
        yield TurnCited(step=step, recollection=earlier)
        text = said.recall(finding, earlier)
    yield OutputDelta(step=step, text=text)


@dataclass(slots=True)
class _Said:
    """The answer as it grows."""

    parts: list[str]
    findings: list[Finding]
    citations: list[Any]
    recalled: list[Recollection]
    open: list[str]

    def __init__(self) -> None:
        self.parts, self.findings, self.citations, self.recalled, self.open = [], [], [], [], []

    def has(self, finding: Finding) -> bool:
        """One sentence can answer two questions; it is quoted once."""
        places = {(each.document_id, each.start, each.end) for each in self.findings}
        return (finding.document_id, finding.start, finding.end) in places

    def cite(self, finding: Finding, cited: Any) -> str:
        self.citations.append(cited)
        return self._add(finding, f"{plain(finding.quote)} [{len(self.citations)}]")

    def recall(self, finding: Finding, earlier: Recollection) -> str:
        self.recalled.append(earlier)
        return self._add(finding, f"You said: “{' '.join(finding.quote.split())}”")

    def _add(self, finding: Finding, text: str) -> str:
        self.findings.append(finding)
        self.parts.append(text)
        return text if len(self.parts) == 1 else f" {text}"

    def closing(self) -> list[str]:
        """What was asked and not found, said plainly; each of it only where something else was found."""
        if not self.parts:
            return [NOT_IN_SOURCES]
        if not self.open:
            return []
        missing = " ".join(f"Not in the sources: “{question.rstrip('?. ')}”." for question in self.open)
        self.parts.append(missing)
        return [f" {missing}"]

    def completed(self) -> TurnCompleted:
        return TurnCompleted(
            answer=" ".join(self.parts) or NOT_IN_SOURCES,
            citations=tuple(self.citations),
            recalled=tuple(self.recalled),
            abstained=not self.parts,
        )


def _look(turn: Turn, context: TurnContext, log: TurnLog) -> Look:
    assert log.resolved is not None
    return Look(turn, context, log, _run(turn, context, log, log.resolved.question))


def _run(turn: Turn, context: TurnContext, log: TurnLog, question: str) -> Run:
    """The turn as a task of one question: prompting, searching and reading are the same for both."""
    task = Task(
        id=turn.id,
        request=question,
        scope=turn.scope,
        instructions=turn.instructions,
        collection_ids=turn.collection_ids,
        max_model_calls=turn.max_model_calls,
        max_tokens=_most_tokens(context),
    )
    host = AgentContext(
        chat=context.chat,
        call=context.call,
        searcher=context.searcher,
        texts=context.texts,
        effects=_NoEffects(),
        embedder=context.embedder,
    )
    return Run(task, host, log.journal)


def _most_tokens(context: TurnContext) -> int:
    """Whole documents, once for each thing that is asked, where the model takes them."""
    reader = context.reader
    if takes_whole(reader, context.long_context):
        return MOST_SEARCHES * reader.context_length
    return MOST_TOKENS


class _NoEffects:
    """A turn changes nothing outside of itself."""

    async def reserve(self, effect: Effect) -> dict[str, Any] | None:
        raise AgentError(f"A turn can't carry out {effect.tool}.")

    async def write_report(self, effect: Effect, report: ReportDraft) -> UUID:
        raise AgentError(f"A turn can't carry out {effect.tool}: {report.title!r} is not written.")
