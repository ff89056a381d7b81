"""Identity providers over HTTP."""

from uuid import UUID

from fastapi import status

from secretariat.platform.identity import connections, repository
from secretariat.platform.identity.callers import ConnectionsManage, TenantSessionDep
from secretariat.platform.identity.oidc.flow import redirect_uri
from secretariat.platform.identity.schemas import ConnectionChange, ConnectionCreate, ConnectionView
from secretariat.platform.settings import Settings
from secretariat.platform.tables.identity import SignInConnection
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import problem_responses
from secretariat.platform.web.pages import Page, PageQueryDep, page_of
from secretariat.platform.web.routing import api_router

router = api_router("connections", "/api/v1/connections")


@router.get("", operation_id="list_connections")
async def list_connections(
    _caller: ConnectionsManage, session: TenantSessionDep, services: ServicesDep, page: PageQueryDep
) -> Page[ConnectionView]:
    rows = await repository.connections(session, page.fetch, page.after)
    return page_of(rows, page.limit, lambda row: _view(row, services.settings))


@router.post(
    "",
    operation_id="create_connection",
    status_code=status.HTTP_201_CREATED,
    responses=problem_responses(409),
)
async def create_connection(
    caller: ConnectionsManage, session: TenantSessionDep, services: ServicesDep, body: ConnectionCreate
) -> ConnectionView:
    """Register `redirect_uri` of the answer at the provider."""
    made = await connections.create_connection(session, services, caller, body)
    return _view(made, services.settings)


@router.get("/{connection_id}", operation_id="get_connection", responses=problem_responses(404))
async def get_connection(
    _caller: ConnectionsManage, session: TenantSessionDep, services: ServicesDep, connection_id: UUID
) -> ConnectionView:
    return _view(await connections.get_connection(session, connection_id), services.settings)


@router.patch("/{connection_id}", operation_id="change_connection", responses=problem_responses(404, 409))
async def change_connection(
    caller: ConnectionsManage,
    session: TenantSessionDep,
    services: ServicesDep,
    connection_id: UUID,
    body: ConnectionChange,
) -> ConnectionView:
    changed = await connections.change_connection(session, services.contents, caller, connection_id, body)
    return _view(changed, services.settings)


@router.delete(
    "/{connection_id}",
    operation_id="delete_connection",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problem_responses(404, 409),
)
async def delete_connection(
    caller: ConnectionsManage, session: TenantSessionDep, connection_id: UUID
) -> None:
    await connections.remove_connection(session, caller, connection_id)


def _view(connection: SignInConnection, settings: Settings) -> ConnectionView:
    return ConnectionView(
        id=connection.id,
        name=connection.name,
        kind=connection.kind,
        issuer=connection.issuer,
        client_id=connection.client_id,
        default_role=connection.default_role,
        enabled=connection.enabled,
        redirect_uri=redirect_uri(settings),
        created_at=connection.created_at,
    )
