"""One question measured: searched in every configuration as the person who asked, scored, put on record."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from uuid import UUID

from secretariat.models.core import CallContext
from secretariat.platform.access.authority import PersonAuthority
from secretariat.platform.audit.event import Actor, AuditEvent, ContentRef, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.contents.store import StoredContent
from secretariat.platform.evaluation import repository
from secretariat.platform.evaluation.questions import Question
from secretariat.platform.evaluation.scoring import Score, score
from secretariat.platform.indexes.search import searcher
from secretariat.platform.jobs.run import JobRun
from secretariat.platform.tables.evaluations import EvaluationRow, EvaluationScore, QuestionRow
from secretariat.retrieval.core import Passage, Scope, SearchRequest, SearchResult
from secretariat.retrieval.search.configuration import CONFIGURATIONS

DEPTH = 400  # passages; how many are asked for changes nothing about the first of them


@dataclass(frozen=True, slots=True)
class Begun:
    """An evaluation under way. `left`: the questions without scores, in order; `words`: what they ask; `readable`:
    by each name that they require, the documents that bear it and can be read."""

    row: EvaluationRow
    actor: Actor
    total: int
    left: Sequence[QuestionRow]
    words: Mapping[UUID, Question]
    readable: Mapping[str, Sequence[UUID]]


@dataclass(frozen=True, slots=True)
class _Answer:
    configuration: str
    milliseconds: float
    result: SearchResult

    @property
    def document_ids(self) -> list[UUID]:
        return [passage.chunk.document_id for passage in self.result.passages]


async def measure_one(run: JobRun, begun: Begun, question: QuestionRow) -> None:
    """Scores and the record of the searches come in one commit. Raises RetrievalError, ModelError."""
    asked = begun.words[question.id]
    if not asked.required:
        return
    answers = await _answers(run, begun, question)
    scores = [score(asked, begun.readable, answer.document_ids) for answer in answers]
    rows = [_row(run, question, answer, given) for answer, given in zip(answers, scores, strict=True)]
    async with run.session() as session:
        await repository.add_scores(session, rows)
        stored = await repository.stored(session, question.content_id) if question.content_id else None
        await record(session, _evidence(begun, question, stored, answers, scores))


async def _answers(run: JobRun, begun: Begun, question: QuestionRow) -> list[_Answer]:
    """The configurations take turns in coming first: the first finds nothing warm."""
    services, row = run.services, begun.row
    authority = PersonAuthority(services.database, row.created_by, services.permits)
    call = CallContext(tenant=str(run.tenant_id), request_id=f"evaluation-{row.id}")
    scope = Scope(run.tenant_id)
    within = frozenset(row.collection_ids) or None
    request = SearchRequest(begun.words[question.id].text, limit=DEPTH, collection_ids=within)
    answers = []
    for name in row.configurations if question.ordinal % 2 == 0 else reversed(row.configurations):
        use = CONFIGURATIONS[name]
        find = await searcher(services.indexes, run.tenant_id, authority, services.models, call, use)
        began = time.perf_counter()
        result = await find.search(scope, request)
        answers.append(_Answer(name, (time.perf_counter() - began) * 1000, result))
    return answers


def _row(run: JobRun, question: QuestionRow, answer: _Answer, given: Score) -> EvaluationScore:
    ndcg_at_10, recall_at_10, recall_at_100, mrr = astuple(given.values)
    return EvaluationScore(
        tenant_id=run.tenant_id,
        evaluation_id=run.subject_id,
        question_id=question.id,
        configuration=answer.configuration,
        ndcg_at_10=ndcg_at_10,
        recall_at_10=recall_at_10,
        recall_at_100=recall_at_100,
        mrr=mrr,
        milliseconds=answer.milliseconds,
        index_seq=answer.result.index_seq,
        allowed=answer.result.allowed,
        document_ids=list(given.document_ids),
        required=[place.as_json() for place in given.required],
    )


def _evidence(
    begun: Begun,
    question: QuestionRow,
    stored: StoredContent | None,
    answers: Sequence[_Answer],
    scores: Sequence[Score],
) -> AuditEvent:
    """What the person learns by it: of each search the documents that are kept, and the rules that opened them."""
    searches = [
        {
            "configuration": answer.configuration,
            "allowed": answer.result.allowed,
            "denied": answer.result.denied,
            "index_seq": answer.result.index_seq,
            "returned": _kept(answer.result.passages, given),
        }
        for answer, given in zip(answers, scores, strict=True)
    ]
    return AuditEvent(
        event_type="DATA_ACCESS",
        action="evaluation.search",
        actor=begun.actor,
        resource=Resource("evaluation", str(begun.row.id)),
        details={"question_id": str(question.id), "searches": searches},
        content=(ContentRef("query", stored),) if stored is not None else (),
    )


def _kept(passages: Sequence[Passage], given: Score) -> list[dict[str, str]]:
    shown = {*given.document_ids, *(place.document_id for place in given.required)}
    rules = {passage.chunk.document_id: str(passage.rule) for passage in passages}
    return [{"document_id": str(one), "rule": rule} for one, rule in rules.items() if one in shown]
