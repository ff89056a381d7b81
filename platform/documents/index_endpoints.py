"""The index over HTTP: its state, and making it anew."""

from secretariat.platform.documents import index_state
from secretariat.platform.documents.index_schemas import Index, Rebuilding
from secretariat.platform.identity.callers import CollectionsManage, TenantSessionDep
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import problem_responses
from secretariat.platform.web.routing import api_router

router = api_router("index", "/api/v1/index")


@router.get("", operation_id="get_index")
async def get_index(caller: CollectionsManage, services: ServicesDep, session: TenantSessionDep) -> Index:
    """Model, size, form and backlog. Counts everything, so it is for those who manage collections."""
    return await index_state.state(session, services, caller)


@router.post("/rebuild", operation_id="rebuild_index", status_code=202, responses=problem_responses(409))
async def rebuild_index(caller: CollectionsManage, session: TenantSessionDep) -> Rebuilding:
    """Makes the worker's view and its snapshot anew from the log; searches go on meanwhile."""
    return Rebuilding(job_id=await index_state.rebuild(session, caller))
