"""The directory over HTTP."""

from typing import Annotated

from fastapi import Query

from secretariat.platform.identity import directory
from secretariat.platform.identity.callers import DirectoryRead, TenantSessionDep
from secretariat.platform.identity.schemas import DirectoryView, Principal
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import InvalidError
from secretariat.platform.web.routing import api_router

router = api_router("directory", "/api/v1/directory")


@router.get("", operation_id="find_principals")
async def find_principals(
    caller: DirectoryRead,
    session: TenantSessionDep,
    services: ServicesDep,
    search: Annotated[
        str | None,
        Query(min_length=2, max_length=100, description="How a word of the name or the e-mail begins."),
    ] = None,
    principal: Annotated[
        list[Principal] | None, Query(max_length=50, description="Whose names are wanted.")
    ] = None,
) -> DirectoryView:
    """Whom something can be shared with: people and groups by name, or the names behind principals."""
    if (search is None) is (principal is None):
        raise InvalidError("Give either `search` or `principal`.")
    if search is not None:
        found, more = await directory.search(session, services, caller, search)
        return DirectoryView.of(found, more=more)
    return DirectoryView.of(await directory.resolve(session, caller, principal or ()), more=False)
