"""Two ways to search side by side: what was measured of the same questions, and which of them changed most."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from secretariat.platform.access.caller import Caller
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import TenantSession
from secretariat.platform.evaluation import question_schemas, repository, service, views, words
from secretariat.platform.evaluation.scoring import MEASURES
from secretariat.platform.tables.evaluations import EvaluationRow, EvaluationScore
from secretariat.platform.web.errors import ConflictError
from secretariat.retrieval.measures import difference

MOST_CHANGED = 50
Scores = Mapping[UUID, EvaluationScore]


class NotComparableError(ConflictError):
    code, title = "NOT_COMPARABLE", "Not comparable"


@dataclass(frozen=True, slots=True)
class Side:
    evaluation: EvaluationRow
    configuration: str


async def sides(
    session: TenantSession,
    caller: Caller,
    evaluation_id: UUID,
    configuration: str | None,
    against_id: UUID | None,
    against_configuration: str | None,
) -> tuple[Side, Side]:
    """Two completed measurements with one set of questions. Raises NotFoundError, NotComparableError."""
    one = await _evaluation(session, caller, evaluation_id)
    other = await _evaluation(session, caller, against_id or evaluation_id)
    if one.question_set_id != other.question_set_id:
        raise NotComparableError(
            "They asked different questions: only evaluations of one set can be compared."
        )
    name = configuration or one.configurations[0]
    others = [each for each in other.configurations if (other.id, each) != (one.id, name)]
    against = against_configuration or next(iter(others), None)
    if name not in one.configurations or against not in others:
        raise NotComparableError(
            "There is nothing to compare it with: name another configuration that was measured."
        )
    return Side(one, name), Side(other, against)


async def _evaluation(session: TenantSession, caller: Caller, evaluation_id: UUID) -> EvaluationRow:
    found = (await service.evaluation(session, caller, evaluation_id)).row
    if found.kind != "search":
        raise NotComparableError("Strategies are compared within their evaluation.")
    if found.status != "completed":
        raise NotComparableError(
            f"The evaluation is {found.status}; it can be compared once it is completed."
        )
    return found


async def compared(
    session: TenantSession, contents: ContentStore, one: Side, other: Side
) -> question_schemas.Comparison:
    ours, theirs = await _scores(session, one), await _scores(session, other)
    differences = await asyncio.to_thread(_differences, ours, theirs)
    return question_schemas.Comparison(
        one=_side(one),
        other=_side(other),
        questions=len(ours),
        differences=question_schemas.MeasureDifferences.model_validate(differences),
        changed=await _changed(session, contents, one.evaluation.question_set_id, ours, theirs),
    )


async def _changed(
    session: TenantSession, contents: ContentStore, question_set_id: UUID, ours: Scores, theirs: Scores
) -> list[question_schemas.ChangedQuestion]:
    by = {question: ours[question].ndcg_at_10 - theirs[question].ndcg_at_10 for question in ours}
    most = sorted((question for question in by if by[question]), key=lambda question: -abs(by[question]))
    most = most[:MOST_CHANGED]
    rows = await repository.questions(session, question_set_id)
    said = await words.read(session, contents, [row for row in rows if row.id in most])
    return [
        question_schemas.ChangedQuestion(
            id=question,
            name=asked.name if (asked := said.get(question)) else None,
            text=asked.text if asked else None,
            one=views.question_score(ours[question]),
            other=views.question_score(theirs[question]),
            difference=by[question],
        )
        for question in most
    ]


async def _scores(session: TenantSession, side: Side) -> dict[UUID, EvaluationScore]:
    rows = await repository.scores(session, side.evaluation.id)
    return {row.question_id: row for row in rows if row.configuration == side.configuration}


def _differences(ours: Scores, theirs: Scores) -> dict[str, Any]:
    """Of each measure; thousands of draws, so in a thread."""
    found = {}
    for name in MEASURES:
        values = [[getattr(side[question], name) for question in ours] for side in (ours, theirs)]
        measured = asdict(difference(*values))
        found[name] = {**measured.pop("interval"), **measured}
    return found


def _side(side: Side) -> question_schemas.ComparedSide:
    return question_schemas.ComparedSide(
        evaluation_id=side.evaluation.id,
        configuration=side.configuration,
        finished_at=side.evaluation.finished_at,
    )
