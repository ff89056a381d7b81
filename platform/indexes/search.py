"""A searcher over a tenant's index; the authority is passed in from above, where grants are known."""

from uuid import UUID

from secretariat.models.core import CallContext
from secretariat.models.remote import RemoteModels
from secretariat.platform.indexes.views import IndexViews
from secretariat.retrieval.core import Authority, Searcher
from secretariat.retrieval.search.configuration import CONFIGURATIONS, Configuration
from secretariat.retrieval.search.pipeline import Pipeline


async def searcher(
    views: IndexViews,
    tenant_id: UUID,
    authority: Authority,
    models: RemoteModels,
    call: CallContext,
    use: Configuration = CONFIGURATIONS["default"],
) -> Searcher:
    """For one request or one task; asks the authority at every search."""
    return Pipeline(await views.view(tenant_id), authority, models, call, models, use)
