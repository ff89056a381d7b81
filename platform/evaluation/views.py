"""Evaluations as their starter sees them: numbers as they were, words while they exist, documents' names while
grants open them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from secretariat.platform.access.caller import Caller
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import TenantSession
from secretariat.platform.evaluation import question_schemas, repository, schemas, words
from secretariat.platform.evaluation.questions import Question
from secretariat.platform.evaluation.repository import StoredEvaluation
from secretariat.platform.kit.times import now
from secretariat.platform.tables.evaluations import EvaluationRow, EvaluationScore, QuestionRow, QuestionSet
from secretariat.platform.tables.jobs import Job


def question_set(row: QuestionSet) -> schemas.QuestionSetView:
    return schemas.QuestionSetView(
        id=row.id,
        name=row.name,
        questions=row.questions,
        left_out=row.left_out,
        created_at=row.created_at,
    )


async def questions(
    session: TenantSession, contents: ContentStore, rows: Sequence[QuestionRow]
) -> dict[UUID, schemas.QuestionView]:
    said = await words.read(session, contents, rows)
    return {
        row_id: schemas.QuestionView(
            id=row_id,
            name=question.name,
            text=question.text,
            required=[
                schemas.RequiredDocument(document=document, gain=gain)
                for document, gain in question.required.items()
            ],
            answers=list(question.answers) if question.answers is not None else None,
        )
        for row_id, question in said.items()
    }


def evaluation(found: StoredEvaluation, caller: Caller) -> schemas.Evaluation:
    row, job = found.row, found.job
    return schemas.Evaluation.model_validate(
        {
            "id": row.id,
            "kind": row.kind,
            "question_set": {
                "id": found.set.id,
                "name": found.set.name,
                "deleted": found.set.deleted_at is not None,
            },
            "configurations": row.configurations,
            "collection_ids": row.collection_ids,
            "status": row.status,
            "progress": _progress(row, job, found.set.questions),
            "cancel_requested": job is not None and job.cancel_requested_at is not None,
            "result": _result(row, caller) if row.kind == "search" else None,
            "strategies": row.result if row.kind == "strategies" else None,
            "assistant_id": row.assistant_id,
            "error": row.error,
            "created_at": row.created_at,
            "started_at": row.started_at,
            "finished_at": row.finished_at,
        }
    )


def _result(row: EvaluationRow, caller: Caller) -> dict[str, Any] | None:
    """Where the index stood tells what others write: whether it moved is for who may know of every document."""
    if row.result is None:
        return None
    first, last = row.result["index_seq"]
    return {
        **row.result,
        "index_moved": first != last if "collections.manage" in caller.permissions else None,
    }


def _progress(row: EvaluationRow, job: Job | None, total: int) -> schemas.EvaluationProgress:
    done = total if row.status == "completed" else job.progress_done if job is not None else 0
    eta = None
    if row.status == "running" and row.started_at is not None and 0 < done < total:
        eta = round((now() - row.started_at).total_seconds() * (total - done) / done, 1)
    return schemas.EvaluationProgress(done=done, total=total, eta_s=eta)


def question_score(row: EvaluationScore) -> question_schemas.QuestionScore:
    return question_schemas.QuestionScore.model_validate(row, from_attributes=True)


async def evaluated(
    session: TenantSession, contents: ContentStore, of: EvaluationRow, rows: Sequence[QuestionRow]
) -> dict[UUID, question_schemas.EvaluatedQuestion]:
    """Of each question what every configuration made of it."""
    said = await words.read(session, contents, rows)
    scores = _by_question(of, await repository.scores(session, of.id, [row.id for row in rows]))
    return {row.id: _evaluated(row.id, said.get(row.id), scores[row.id]) for row in rows}


def _by_question(of: EvaluationRow, scores: Iterable[EvaluationScore]) -> dict[UUID, list[EvaluationScore]]:
    """With the configurations in the order in which they were asked for."""
    found: dict[UUID, list[EvaluationScore]] = {}
    for one in scores:
        found.setdefault(one.question_id, []).append(one)
    for rows in found.values():
        rows.sort(key=lambda one: of.configurations.index(one.configuration))
    return found


def _evaluated(
    question_id: UUID, said: Question | None, scores: Sequence[EvaluationScore]
) -> question_schemas.EvaluatedQuestion:
    required = scores[0].required
    return question_schemas.EvaluatedQuestion(
        id=question_id,
        name=said.name if said else None,
        text=said.text if said else None,
        required=len(required),
        out_of_reach=sum(place["document_id"] is None for place in required),
        scores=[question_score(one) for one in scores],
    )


_Readable = Mapping[UUID, question_schemas.FoundDocument]


async def question_result(
    session: TenantSession,
    contents: ContentStore,
    principals: frozenset[str],
    of: EvaluationRow,
    row: QuestionRow,
) -> question_schemas.QuestionResult:
    """What was required and what was found, place by place; of documents that may be read now."""
    said = (await words.read(session, contents, [row])).get(row.id)
    scores = _by_question(of, await repository.scores(session, of.id, [row.id]))[row.id]
    required = {UUID(place["document_id"]) for place in scores[0].required if place["document_id"]}
    named = required.union(*(one.document_ids for one in scores))
    readable = {
        document.id: question_schemas.FoundDocument(id=document.id, name=document.name, title=document.title)
        for document in await repository.readable_documents(session, principals, named)
    }
    return question_schemas.QuestionResult(
        **_evaluated(row.id, said, scores).model_dump(),
        documents=_required(said, scores, readable),
        rankings=[_ranking(one, readable) for one in scores],
    )


def _required(
    said: Question | None, scores: Sequence[EvaluationScore], readable: _Readable
) -> list[question_schemas.RequiredFound]:
    asked = list(said.required.items()) if said else [(None, None)] * len(scores[0].required)
    shown = []
    for index, (document, gain) in enumerate(asked):
        found = _document(scores[0].required[index]["document_id"], readable)
        ranks = [
            question_schemas.RequiredRank(configuration=one.configuration, rank=one.required[index]["rank"])
            for one in scores
            if found is not None
        ]
        shown.append(question_schemas.RequiredFound(document=document, gain=gain, found=found, ranks=ranks))
    return shown


def _document(stated: str | None, readable: _Readable) -> question_schemas.FoundDocument | None:
    return readable.get(UUID(stated)) if stated else None


def _ranking(row: EvaluationScore, readable: _Readable) -> question_schemas.ConfigurationRanking:
    required = {place["document_id"] for place in row.required if place["rank"] is not None}
    return question_schemas.ConfigurationRanking(
        configuration=row.configuration,
        documents=[
            question_schemas.RankedDocument(
                rank=rank,
                document=readable.get(document),
                required=document in readable and str(document) in required,
            )
            for rank, document in enumerate(row.document_ids, 1)
        ],
    )
