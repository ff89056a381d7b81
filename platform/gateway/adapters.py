"""Adapters that a caller of the gateway names: by the ids of their own tenant's, never by the server's names."""

from typing import Any
from uuid import UUID

from secretariat.models.errors import ModelError
from secretariat.platform.access.caller import Caller
from secretariat.platform.adapters import repository
from secretariat.platform.adapters.serving import bring
from secretariat.platform.services import Services
from secretariat.platform.web.errors import NotFoundError, UnavailableError


async def named_adapter(services: Services, caller: Caller, adapter: Any) -> dict[str, str]:
    """What the request says instead: the adapter by the server's name for it, and its model. Nothing where none is
    named.

    One that isn't published is there for those who train alone. Raises NotFoundError, UnavailableError.
    """
    if adapter is None:
        return {}
    try:
        wanted = UUID(str(adapter))
    except ValueError:
        raise NotFoundError("adapter") from None
    async with services.database.tenant(caller.tenant_id) as session:
        row = await repository.adapter(session, wanted)
        open_ = row is not None and await repository.published(session, row.id)
    if row is None or not (open_ or "training.manage" in caller.permissions):
        raise NotFoundError("adapter")
    try:
        name = await bring(services, caller.tenant_id, row.id, row.model)
    except ModelError as error:
        raise UnavailableError("The adapter can't be loaded now. Try again shortly.") from error
    return {"adapter": name, "model": row.model}
