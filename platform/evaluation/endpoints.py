"""Evaluations over HTTP: started, followed, read question by question, compared. One's own alone."""

from dataclasses import fields
from typing import Annotated
from uuid import UUID

from fastapi import Query

from secretariat.platform.evaluation import comparisons, question_schemas, repository, schemas, service, views
from secretariat.platform.evaluation.repository import Order
from secretariat.platform.identity.callers import DocumentsRead, EvaluationsManage, TenantSessionDep
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import NotFoundError, problem_responses
from secretariat.platform.web.pages import Page, PageQueryDep, page_of
from secretariat.platform.web.routing import api_router
from secretariat.retrieval.search.configuration import CONFIGURATIONS

router = api_router("evaluations", "/api/v1/evaluations")


@router.post("", operation_id="create_evaluation", status_code=202, responses=problem_responses(404, 409))
async def create_evaluation(
    caller: EvaluationsManage,
    _reader: DocumentsRead,
    session: TenantSessionDep,
    body: schemas.EvaluationRequest,
) -> schemas.Evaluation:
    """Asks every question of a set, in each configuration, and measures what is found of what is required.

    In the background, as the caller and over what they may read then.
    """
    return views.evaluation(await service.start(session, caller, body), caller)


@router.get("", operation_id="list_evaluations")
async def list_evaluations(
    caller: EvaluationsManage,
    session: TenantSessionDep,
    page: PageQueryDep,
    question_set_id: UUID | None = None,
) -> Page[schemas.Evaluation]:
    rows = await repository.evaluations(
        session, caller.user_id, limit=page.fetch, after=page.after, question_set_id=question_set_id
    )
    return page_of(rows, page.limit, lambda one: views.evaluation(one, caller))


@router.get("/configurations", operation_id="list_search_configurations")
async def list_search_configurations(_caller: EvaluationsManage) -> schemas.SearchConfigurations:
    """The ways to search that can be measured, and what each makes use of."""
    return schemas.SearchConfigurations(
        data=[
            schemas.SearchConfiguration(
                name=name, uses=[part.name for part in fields(use) if getattr(use, part.name) is True]
            )
            for name, use in CONFIGURATIONS.items()
        ]
    )


@router.get("/{evaluation_id}", operation_id="get_evaluation", responses=problem_responses(404))
async def get_evaluation(
    caller: EvaluationsManage, session: TenantSessionDep, evaluation_id: UUID
) -> schemas.Evaluation:
    return views.evaluation(await service.evaluation(session, caller, evaluation_id), caller)


@router.post(
    "/{evaluation_id}/cancel", operation_id="cancel_evaluation", responses=problem_responses(404, 409)
)
async def cancel_evaluation(
    caller: EvaluationsManage, session: TenantSessionDep, evaluation_id: UUID
) -> schemas.Evaluation:
    """It ends before its next question; the scores so far stay."""
    return views.evaluation(await service.cancel(session, caller, evaluation_id), caller)


@router.get(
    "/{evaluation_id}/questions",
    operation_id="list_evaluated_questions",
    responses=problem_responses(404),
)
async def list_evaluated_questions(
    caller: EvaluationsManage,
    _reader: DocumentsRead,
    services: ServicesDep,
    session: TenantSessionDep,
    evaluation_id: UUID,
    page: PageQueryDep,
    order: Annotated[Order, Query(description="worst: by nDCG@10 of the first configuration.")] = "asked",
) -> Page[question_schemas.EvaluatedQuestion]:
    """Those measured so far. The look is on record."""
    row = (await service.evaluation(session, caller, evaluation_id)).row
    await service.put_look_on_record(session, caller, row.id, {"what": "questions"})
    rows = await repository.measured_questions(
        session, row.id, row.configurations[0], order, limit=page.fetch, after=page.after
    )
    shown = await views.evaluated(session, services.contents, row, rows)
    return page_of(rows, page.limit, lambda one: shown[one.id])


@router.get(
    "/{evaluation_id}/questions/{question_id}",
    operation_id="get_evaluated_question",
    responses=problem_responses(404),
)
async def get_evaluated_question(
    caller: EvaluationsManage,
    _reader: DocumentsRead,
    services: ServicesDep,
    session: TenantSessionDep,
    evaluation_id: UUID,
    question_id: UUID,
) -> question_schemas.QuestionResult:
    """What was required and what was found. Documents are named while grants open them. The look is on record."""
    row = (await service.evaluation(session, caller, evaluation_id)).row
    question = await repository.measured_question(session, row.id, question_id)
    if question is None:
        raise NotFoundError("question")
    details = {"what": "question", "question_id": str(question_id)}
    await service.put_look_on_record(session, caller, row.id, details)
    return await views.question_result(session, services.contents, caller.principals, row, question)


@router.get(
    "/{evaluation_id}/comparison",
    operation_id="compare_evaluations",
    responses=problem_responses(404, 409),
)
async def compare_evaluations(
    caller: EvaluationsManage,
    _reader: DocumentsRead,
    services: ServicesDep,
    session: TenantSessionDep,
    evaluation_id: UUID,
    configuration: Annotated[str | None, Query(description="Its first, unless named.")] = None,
    against_id: Annotated[UUID | None, Query(description="Another evaluation of the same set.")] = None,
    against_configuration: Annotated[str | None, Query(description="Its first that differs.")] = None,
) -> question_schemas.Comparison:
    """One configuration minus another: of this evaluation, or of another one. The look is on record."""
    one, other = await comparisons.sides(
        session, caller, evaluation_id, configuration, against_id, against_configuration
    )
    details = {"what": "comparison", "against_id": str(other.evaluation.id)}
    await service.put_look_on_record(session, caller, evaluation_id, details)
    return await comparisons.compared(session, services.contents, one, other)
