"""One question asked of every strategy as the person who asked, judged, put on record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from secretariat.models.core import CallContext
from secretariat.models.errors import ModelError
from secretariat.platform.access.authority import PersonAuthority
from secretariat.platform.adapters.chat import adapted
from secretariat.platform.audit.event import AuditEvent, ContentRef, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.evaluation import repository
from secretariat.platform.evaluation.measuring import Begun
from secretariat.platform.evaluation.questions import Question
from secretariat.platform.evaluation.strategies.answering import Answer, Answering
from secretariat.platform.evaluation.strategies.core import STRATEGIES
from secretariat.platform.evaluation.strategies.scoring import Verdict, judged
from secretariat.platform.evaluation.strategies.sources import DEPTH, Found, Whole, found
from secretariat.platform.indexes.search import searcher
from secretariat.platform.indexes.texts import SqlDocumentTexts
from secretariat.platform.jobs.run import JobRun
from secretariat.platform.tables.evaluations import QuestionRow, StrategyScore
from secretariat.platform.tables.training import AdapterRow
from secretariat.retrieval.core import Scope, SearchRequest


@dataclass(frozen=True, slots=True)
class _Judged:
    """`again`: the answer with the required documents withheld, where it was asked for."""

    answer: Answer
    verdict: Verdict
    cited: bool | None
    kept: bool | None
    again: Answer | None = None

    @property
    def shown(self) -> list[Sequence[tuple[UUID, float]]]:
        """Each time that the model was asked: the documents that were before it, with their weights."""
        return [one.shown for one in (self.answer, self.again) if one is not None]


async def answering(run: JobRun, begun: Begun, model: str, adapter: AdapterRow | None) -> Answering:
    """The models that answer: the adapter's own, where there is one, so that strategies differ in it alone.

    Raises ModelError.
    """
    services, row = run.services, begun.row
    call = CallContext(tenant=str(run.tenant_id), request_id=f"evaluation-{row.id}")
    name = adapter.model if adapter is not None else model
    cards = [card for card in await services.models.models() if card.kind == "chat"]
    card = next((card for card in cards if card.name == name), cards[0] if cards else None)
    if card is None:
        raise ModelError("model_not_found", "the model server has no chat model")
    authority = PersonAuthority(services.database, row.created_by, services.permits)
    texts = SqlDocumentTexts(services.database, services.contents, authority)
    whole = Whole(texts, Scope(run.tenant_id), services.models, call, card.context_length)
    chat = adapted(services.models, services, adapter) if adapter is not None else None
    return Answering(services.models, chat, name, whole, call)


async def measure_one(run: JobRun, begun: Begun, by: Answering, question: QuestionRow) -> None:
    """Scores and the record of what was seen come in one commit. Raises RetrievalError, ModelError."""
    asked = begun.words[question.id]
    names = [name for name in begun.row.configurations if by.can(STRATEGIES[name])]
    if asked.answers is None or not names:
        return
    looked = await _search(run, begun, by, asked)
    required = {document for name in asked.required for document in begun.readable.get(name, ())}
    turn = question.ordinal % len(names)  # the first finds nothing warm
    results = {name: await _ask(by, name, asked, looked, required) for name in names[turn:] + names[:turn]}
    rows = [_row(run, question, asked, name, one) for name, one in results.items()]
    async with run.session() as session:
        await repository.add_strategy_scores(session, rows)
        stored = await repository.stored(session, question.content_id) if question.content_id else None
        content = (ContentRef("query", stored),) if stored is not None else ()
        await record(session, _evidence(begun, question, looked, results, content))


async def _search(run: JobRun, begun: Begun, by: Answering, asked: Question) -> Found:
    services, row = run.services, begun.row
    authority = PersonAuthority(services.database, row.created_by, services.permits)
    find = await searcher(services.indexes, run.tenant_id, authority, services.models, by.call)
    within = frozenset(row.collection_ids) or None
    return await found(find, Scope(run.tenant_id), SearchRequest(asked.text, DEPTH, collection_ids=within))


async def _ask(by: Answering, name: str, asked: Question, looked: Found, required: set[UUID]) -> _Judged:
    """A right answer from documents is asked for again without these: is it still given?"""
    strategy, expected = STRATEGIES[name], asked.answers or ()
    answer = await by.answer(strategy, asked.text, looked)
    verdict = judged(answer.text, expected)
    if strategy.sees == "nothing" or verdict.outcome == "abstained":
        return _Judged(answer, verdict, None, None)
    kept = again = None
    if verdict.outcome == "right" and required:
        again = await by.answer(strategy, asked.text, looked, required)
        kept = judged(again.text, expected).outcome == "right"
    return _Judged(answer, verdict, bool(answer.cited & required), kept, again)


def _row(run: JobRun, question: QuestionRow, asked: Question, name: str, one: _Judged) -> StrategyScore:
    return StrategyScore(
        tenant_id=run.tenant_id,
        evaluation_id=run.subject_id,
        question_id=question.id,
        strategy=name,
        outcome=one.verdict.outcome,
        answerable=bool(asked.answers),
        f1=one.verdict.f1,
        cited=one.cited,
        kept=one.kept,
        prompt_tokens=one.answer.prompt_tokens,
        answer_tokens=one.answer.answer_tokens,
        seconds=one.answer.seconds,
    )


def _evidence(
    begun: Begun,
    question: QuestionRow,
    looked: Found,
    results: Mapping[str, _Judged],
    content: tuple[ContentRef, ...],
) -> AuditEvent:
    """Which documents were put before the model, by which rule, how they were weighed, and what it came to."""
    shown = {document for one in results.values() for each in one.shown for document, _ in each}
    rules = {one.chunk.document_id: str(one.rule) for one in looked.passages}
    return AuditEvent(
        event_type="DATA_ACCESS",
        action="evaluation.answer",
        actor=begun.actor,
        resource=Resource("evaluation", str(begun.row.id)),
        details={
            "question_id": str(question.id),
            "outcomes": {name: one.verdict.outcome for name, one in results.items()},
            "allowed": looked.allowed,
            "denied": looked.denied,
            "index_seq": looked.index_seq,
            "shown": [{"document_id": str(one), "rule": rules[one]} for one in sorted(shown)],
            "weights": {
                name: [
                    [{"document_id": str(d), "weight": weight} for d, weight in each] for each in one.shown
                ]
                for name, one in results.items()
            },
        },
        content=content,
    )
