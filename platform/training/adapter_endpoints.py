"""Adapters and blind comparisons over HTTP."""

from uuid import UUID

from fastapi import Response

from secretariat.platform.adapters.serving import take_away
from secretariat.platform.identity.callers import ModelsUse, TenantSessionDep, TrainingManage
from secretariat.platform.training import adapter_schemas, adapters, comparisons, repository, views
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import problem_responses
from secretariat.platform.web.pages import Page, PageQueryDep, page_of
from secretariat.platform.web.routing import api_router

router = api_router("adapters", "/api/v1/adapters")
blind = api_router("comparisons", "/api/v1/comparisons")


@router.get("", operation_id="list_adapters")
async def list_adapters(
    _caller: TrainingManage, session: TenantSessionDep, page: PageQueryDep
) -> Page[adapter_schemas.Adapter]:
    rows = await repository.adapters(session, limit=page.fetch, after=page.after)
    shown = {one.id: one for one in await views.adapters(session, rows)}
    return page_of(rows, page.limit, lambda row: shown[row.id])


@router.get("/{adapter_id}", operation_id="get_adapter", responses=problem_responses(404))
async def get_adapter(
    _caller: TrainingManage, session: TenantSessionDep, adapter_id: UUID
) -> adapter_schemas.Adapter:
    row = await adapters.adapter(session, adapter_id)
    return (await views.adapters(session, [row]))[0]


@router.patch("/{adapter_id}", operation_id="update_adapter", responses=problem_responses(404))
async def update_adapter(
    caller: TrainingManage, session: TenantSessionDep, adapter_id: UUID, body: adapter_schemas.AdapterUpdate
) -> adapter_schemas.Adapter:
    row = await adapters.update(session, caller, adapter_id, body)
    await session.flush()
    return (await views.adapters(session, [row]))[0]


@router.delete(
    "/{adapter_id}", operation_id="delete_adapter", status_code=204, responses=problem_responses(404, 409)
)
async def delete_adapter(
    caller: TrainingManage, services: ServicesDep, session: TenantSessionDep, adapter_id: UUID
) -> Response:
    """Its weights are gone for good; what was measured with it stays."""
    row = await adapters.delete(session, caller, adapter_id)
    await take_away(services, caller.tenant_id, adapter_id, row.model)
    return Response(status_code=204)


@router.get(
    "/{adapter_id}/evaluations", operation_id="list_adapter_evaluations", responses=problem_responses(404)
)
async def list_adapter_evaluations(
    _caller: TrainingManage, session: TenantSessionDep, adapter_id: UUID, page: PageQueryDep
) -> Page[adapter_schemas.AdapterEvaluation]:
    await adapters.adapter(session, adapter_id)
    rows = await repository.evaluations(session, adapter_id, limit=page.fetch, after=page.after)
    return page_of(rows, page.limit, views.evaluation)


@router.post(
    "/{adapter_id}/evaluations",
    operation_id="create_adapter_evaluation",
    status_code=202,
    responses=problem_responses(404, 409),
)
async def create_adapter_evaluation(
    caller: TrainingManage,
    services: ServicesDep,
    session: TenantSessionDep,
    adapter_id: UUID,
    body: adapter_schemas.AdapterEvaluationRequest,
) -> adapter_schemas.AdapterEvaluation:
    """Asks the base model and the adapter the same questions; only an adapter that passes may be published."""
    row = await adapters.evaluate(session, services.contents, caller, adapter_id, body)
    return views.evaluation(row)


@router.post("/{adapter_id}/publish", operation_id="publish_adapter", responses=problem_responses(404, 409))
async def publish_adapter(
    caller: TrainingManage, session: TenantSessionDep, adapter_id: UUID, body: adapter_schemas.Publication
) -> adapter_schemas.Adapter:
    """The assistant answers with it from its next request on, instead of another one if it has one."""
    row = await adapters.publish(session, caller, adapter_id, body.assistant_id)
    await session.flush()
    return (await views.adapters(session, [row]))[0]


@router.post(
    "/{adapter_id}/unpublish", operation_id="unpublish_adapter", responses=problem_responses(404, 409)
)
async def unpublish_adapter(
    caller: TrainingManage, session: TenantSessionDep, adapter_id: UUID, body: adapter_schemas.Publication
) -> adapter_schemas.Adapter:
    row = await adapters.withdraw(session, caller, adapter_id, body.assistant_id)
    await session.flush()
    return (await views.adapters(session, [row]))[0]


@blind.post("", operation_id="create_comparison", status_code=202, responses=problem_responses(404))
async def create_comparison(
    caller: ModelsUse,
    services: ServicesDep,
    session: TenantSessionDep,
    body: adapter_schemas.BlindComparisonRequest,
) -> adapter_schemas.BlindComparison:
    """Two answers, given in the background; who gave which is told after the choice."""
    row = await comparisons.start(session, services.contents, caller, body)
    return (await views.comparisons(session, services.contents, [row]))[0]


@blind.get("", operation_id="list_comparisons")
async def list_comparisons(
    caller: ModelsUse, services: ServicesDep, session: TenantSessionDep, page: PageQueryDep
) -> Page[adapter_schemas.BlindComparison]:
    rows = await repository.comparisons(session, caller.user_id, limit=page.fetch, after=page.after)
    shown = {one.id: one for one in await views.comparisons(session, services.contents, rows)}
    return page_of(rows, page.limit, lambda row: shown[row.id])


@blind.get("/{comparison_id}", operation_id="get_comparison", responses=problem_responses(404))
async def get_comparison(
    caller: ModelsUse, services: ServicesDep, session: TenantSessionDep, comparison_id: UUID
) -> adapter_schemas.BlindComparison:
    row = await comparisons.comparison(session, caller, comparison_id)
    return (await views.comparisons(session, services.contents, [row]))[0]


@blind.post("/{comparison_id}/choice", operation_id="choose_answer", responses=problem_responses(404, 409))
async def choose_answer(
    caller: ModelsUse,
    services: ServicesDep,
    session: TenantSessionDep,
    comparison_id: UUID,
    body: adapter_schemas.BlindChoice,
) -> adapter_schemas.BlindComparison:
    """Once. Training jobs that learn from comparisons take it as a preference."""
    row = await comparisons.choose(session, caller, comparison_id, body.choice)
    return (await views.comparisons(session, services.contents, [row]))[0]
