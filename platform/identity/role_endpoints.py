"""Roles and the catalogue of permissions over HTTP."""

from uuid import UUID

from fastapi import status

from secretariat.platform.access import repository as access
from secretariat.platform.access.permissions import DESCRIPTIONS
from secretariat.platform.identity import roles
from secretariat.platform.identity.callers import AnyCaller, RolesManage, TenantSessionDep
from secretariat.platform.identity.schemas import (
    PermissionList,
    PermissionView,
    RoleChange,
    RoleCreate,
    RoleView,
)
from secretariat.platform.tables.access import Role
from secretariat.platform.web.errors import problem_responses
from secretariat.platform.web.pages import Page, PageQueryDep, page_of
from secretariat.platform.web.routing import api_router

router = api_router("roles", "/api/v1/roles")
permissions = api_router("roles", "/api/v1/permissions")


@permissions.get("", operation_id="list_permissions")
async def list_permissions(_caller: AnyCaller) -> PermissionList:
    return PermissionList(
        data=[PermissionView(name=name, description=text) for name, text in DESCRIPTIONS.items()]
    )


@router.get("", operation_id="list_roles")
async def list_roles(_caller: AnyCaller, session: TenantSessionDep, page: PageQueryDep) -> Page[RoleView]:
    return page_of(await access.roles(session, page.fetch, page.after), page.limit, _view)


@router.post(
    "", operation_id="create_role", status_code=status.HTTP_201_CREATED, responses=problem_responses(409)
)
async def create_role(caller: RolesManage, session: TenantSessionDep, body: RoleCreate) -> RoleView:
    return _view(await roles.create_role(session, caller, body))


@router.get("/{role_id}", operation_id="get_role", responses=problem_responses(404))
async def get_role(_caller: AnyCaller, session: TenantSessionDep, role_id: UUID) -> RoleView:
    return _view(await roles.get_role(session, role_id))


@router.patch("/{role_id}", operation_id="change_role", responses=problem_responses(404, 409))
async def change_role(
    caller: RolesManage, session: TenantSessionDep, role_id: UUID, body: RoleChange
) -> RoleView:
    return _view(await roles.change_role(session, caller, role_id, body))


@router.delete(
    "/{role_id}",
    operation_id="delete_role",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problem_responses(404, 409),
)
async def delete_role(caller: RolesManage, session: TenantSessionDep, role_id: UUID) -> None:
    await roles.delete_role(session, caller, role_id)


def _view(role: Role) -> RoleView:
    return RoleView(id=role.id, name=role.name, permissions=sorted(role.permissions), builtin=role.builtin)
