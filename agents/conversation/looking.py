"""Looking for an answer: in the documents and in what was said, or by reading whole documents.

What comes to mind from the conversation stands beside the passages of documents, as a passage whose document is
the turn in which it was said; the reading chooses among the sentences of both.
"""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid5

from secretariat.agents.context import Run
from secretariat.agents.conversation import route
from secretariat.agents.conversation.core import MemoryRecalled, Recollection, Turn, TurnContext, TurnEvent
from secretariat.agents.conversation.log import TurnLog
from secretariat.agents.conversation.whole import WholeDocument, found_in_whole, read_whole
from secretariat.agents.core import PlanProposed, PlanStep, RetrievedPassage
from secretariat.agents.effects import canonical_sha256
from secretariat.agents.planner import MOST_SEARCHES, parts
from secretariat.agents.reading import Finding, found, read
from secretariat.agents.tools.builtin.search import fused, queries_of, searched
from secretariat.retrieval.cite import quote_sha256
from secretariat.retrieval.core import DocumentTexts, Scope
from secretariat.retrieval.errors import DocumentNotFoundError

REMEMBERED = 12
_LIMIT, _WIDER = 6, 12
_MINE = re.compile(r"\b(?:my|our)\s+(?:new\s+)?(\w+(?:\s+(?!is\b|are\b|was\b|has\b)\w+)?)", re.IGNORECASE)
SAID = "Said earlier in this conversation"


@dataclass(frozen=True, slots=True)
class Look:
    """One question being looked into; `whole`: the documents as they were read last."""

    turn: Turn
    context: TurnContext
    log: TurnLog
    run: Run
    whole: list[WholeDocument] = field(default_factory=list)

    @property
    def question(self) -> str:
        return self.run.task.request

    @property
    def steps(self) -> list[tuple[str, str]]:
        """(step, what it looks for): one for each thing that is asked."""
        asked = parts(self.question)[:MOST_SEARCHES]
        return [(f"s{number}", question) for number, question in enumerate(asked, 1)]

    def recollection(self, step: str, finding: Finding) -> Recollection | None:
        """What a finding quotes of the conversation; None when it quotes a document."""
        recalled = self.log.recalled(step)
        said = recalled.recalled if recalled is not None else ()
        return next((each for each in said if _stands_in(finding, each)), None)


def _stands_in(finding: Finding, each: Recollection) -> bool:
    return finding.document_id == each.turn_id and each.start <= finding.start < each.end


async def take_route(look: Look) -> AsyncIterator[TurnEvent]:
    """Ends in RouteChosen."""
    if look.log.route is not None:
        return
    context, reader = look.context, look.context.reader
    sizes = await context.shelf.sizes(look.turn.scope, look.turn.collection_ids, route.MOST_DOCUMENTS)
    why, tokens = route.by_size(reader, sizes, context.long_context)
    if why == "fits" and look.turn.given:  # the same documents would give the same answer
        why = "another answer was asked for"
    ids = [size.id for size in sizes]
    if why == "fits":
        tokens = await _counted(look, ids)
    before = look.turn.window[-1].whole if look.turn.window else ()
    yield route.chosen(reader, why, tokens, len(look.steps), ids, before)


async def _counted(look: Look, ids: Sequence[UUID]) -> int:
    documents = await _texts(look.context.texts, look.turn.scope, ids)
    return sum(await look.context.chat.count_tokens([each.text for each in documents], look.context.call))


async def _texts(texts: DocumentTexts, scope: Scope, ids: Sequence[UUID]) -> list[WholeDocument]:
    """Those that may be read now."""
    found_: list[WholeDocument] = []
    for one in ids:
        try:
            read_ = await texts.text(scope, one)
        except DocumentNotFoundError:
            continue
        found_.append(WholeDocument(one, read_.title, read_.text, quote_sha256(read_.text), read_.rule))
    return found_


def plan(look: Look) -> PlanProposed:
    """A search for each thing that is asked, then the answer: made by rule, written down as tasks' plans are."""
    steps = [
        PlanStep(id=step, tool="search", arguments={"query": question}, purpose=question)
        for step, question in look.steps
    ]
    last = PlanStep(id="answer", tool="answer", arguments={}, after=tuple(step.id for step in steps))
    whole = (*steps, last)
    return PlanProposed(
        steps=whole, plan_sha256=canonical_sha256([step.model_dump(mode="json") for step in whole])
    )


async def looked(look: Look, step: str, question: str, known: Sequence[Finding]) -> AsyncIterator[TurnEvent]:
    """Finds passages and reads them; `routed` tells what it came to."""
    assert look.log.route is not None
    if look.log.route.route == "whole_documents":
        look.whole[:] = await _texts(look.context.texts, look.turn.scope, look.log.route.documents)
        shelf = look.context.shelf
        async for event in read_whole(look.run, look.turn, step, question, look.whole, shelf):
            yield event
        return
    if look.log.recalled(step) is None:
        yield await _recalled(look, step, question)
    recalled = look.log.recalled(step)
    assert recalled is not None
    if mine := [said for said in recalled.recalled if is_about_mine(question, said.quote)]:
        async for event_ in read(
            look.run, _said(step), question, list(map(_passage, mine)), known, look.turn.given
        ):
            yield event_  # type: ignore[misc]  # prompts, answers and retrievals alone
        if found(look.run, _said(step)) is not None:
            return
    limit = _WIDER if look.turn.given else _LIMIT
    for query in queries_of(question, look.question, known):
        if all(earlier.query != query for earlier in look.run.journal.retrievals(step)):
            yield await searched(look.run, step, query, limit)
    passages = [*map(_passage, recalled.recalled), *fused(look.run.journal.retrievals(step))]
    async for event_ in read(look.run, step, question, passages, known, look.turn.given):
        yield event_  # type: ignore[misc]  # prompts, answers and retrievals alone


def routed(look: Look, step: str) -> Finding | None:
    """What the step came to; None when nothing holds an answer."""
    assert look.log.route is not None
    if look.log.route.route == "whole_documents":
        return found_in_whole(look.run, step, look.whole)
    return found(look.run, _said(step)) or found(look.run, step)


def is_about_mine(question: str, said: str) -> bool:
    """Whether a question asks for something of the asker's that a sentence tells of: "my manager", "our desk".

    Documents speak of everybody's; what the asker said of their own comes first.
    """
    mine = {match[1].lower() for match in _MINE.finditer(question)}
    return bool(mine & {match[1].lower() for match in _MINE.finditer(said)})


def _said(step: str) -> str:
    return f"{step}.said"


async def _recalled(look: Look, step: str, question: str) -> MemoryRecalled:
    vectors = (await look.context.embedder.embed([question], look.context.call)).vectors
    said = await look.context.memory.recall(question, vectors[0], REMEMBERED)
    return MemoryRecalled(step=step, recalled=tuple(said))


def _passage(said: Recollection) -> RetrievedPassage:
    return RetrievedPassage(
        document_id=said.turn_id,
        document=SAID,
        chunk_id=uuid5(said.turn_id, str(said.start)),
        start=said.start,
        end=said.end,
        text=said.quote,
        score=said.score or 0.0,
    )
