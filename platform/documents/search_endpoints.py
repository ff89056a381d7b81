"""Search over HTTP."""

from secretariat.platform.documents import searching
from secretariat.platform.documents.policies import manages_collections
from secretariat.platform.documents.search_schemas import Passages, SearchQuery
from secretariat.platform.identity.callers import DocumentsRead
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import problem_responses
from secretariat.platform.web.routing import api_router

router = api_router("documents")


@router.post("/api/v1/search", operation_id="search", responses=problem_responses(409))
async def search(caller: DocumentsRead, services: ServicesDep, body: SearchQuery) -> Passages:
    """The passages that answer best, out of what grants open to the caller at this moment."""
    tells_all = manages_collections(caller)
    result = await searching.search(services, caller, body.request(tells_all=tells_all))
    layouts = await searching.layouts(services, caller, result) if body.boxes else {}
    return Passages.of(result, layouts, tells_all=tells_all)
