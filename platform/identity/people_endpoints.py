"""Users and groups over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, status

from secretariat.platform.access import repository as access
from secretariat.platform.db.session import TenantSession
from secretariat.platform.identity import people, repository
from secretariat.platform.identity.callers import TenantSessionDep, UsersManage
from secretariat.platform.identity.schemas import (
    GroupView,
    GroupWrite,
    MemberAdd,
    UserChange,
    UserCreate,
    UserView,
)
from secretariat.platform.tables.identity import Group, User
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import problem_responses
from secretariat.platform.web.pages import Page, PageQueryDep, page_of
from secretariat.platform.web.routing import api_router

users = api_router("users", "/api/v1/users")
groups = api_router("groups", "/api/v1/groups")


@users.get("", operation_id="list_users")
async def list_users(
    _caller: UsersManage,
    session: TenantSessionDep,
    page: PageQueryDep,
    search: Annotated[str | None, Query(max_length=200, description="Part of a name or e-mail.")] = None,
) -> Page[UserView]:
    rows = await repository.users(session, page.fetch, page.after, search)
    roles = await access.role_names(session, [row.id for row in rows])
    return page_of(rows, page.limit, lambda row: _view(row, roles.get(row.id, [])))


@users.post(
    "",
    operation_id="create_user",
    status_code=status.HTTP_201_CREATED,
    responses=problem_responses(409),
)
async def create_user(caller: UsersManage, session: TenantSessionDep, body: UserCreate) -> UserView:
    user = await people.create_user(session, caller, body)
    return await _seen(session, user)


@users.get("/{user_id}", operation_id="get_user", responses=problem_responses(404))
async def get_user(_caller: UsersManage, session: TenantSessionDep, user_id: UUID) -> UserView:
    return await _seen(session, await people.get_user(session, user_id))


@users.patch("/{user_id}", operation_id="change_user", responses=problem_responses(404, 409, 429))
async def change_user(
    caller: UsersManage, session: TenantSessionDep, services: ServicesDep, user_id: UUID, body: UserChange
) -> UserView:
    """Disabling someone, or changing a password, ends that person's sessions at once."""
    return await _seen(session, await people.change_user(session, services, caller, user_id, body))


@users.delete(
    "/{user_id}",
    operation_id="disable_user",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problem_responses(404, 409),
)
async def disable_user(caller: UsersManage, session: TenantSessionDep, user_id: UUID) -> None:
    """Disables the person and ends all sessions, keys and links; the records keep the name."""
    await people.disable_user(session, caller, user_id)


@groups.get("", operation_id="list_groups")
async def list_groups(_caller: UsersManage, session: TenantSessionDep, page: PageQueryDep) -> Page[GroupView]:
    rows = await repository.groups(session, page.fetch, page.after)
    counts = await repository.member_counts(session, [row.id for row in rows])
    return page_of(rows, page.limit, lambda row: _group(row, counts.get(row.id, 0)))


@groups.post(
    "",
    operation_id="create_group",
    status_code=status.HTTP_201_CREATED,
    responses=problem_responses(409),
)
async def create_group(caller: UsersManage, session: TenantSessionDep, body: GroupWrite) -> GroupView:
    return _group(await people.create_group(session, caller, body.name), 0)


@groups.get("/{group_id}", operation_id="get_group", responses=problem_responses(404))
async def get_group(_caller: UsersManage, session: TenantSessionDep, group_id: UUID) -> GroupView:
    return await _group_seen(session, await people.get_group(session, group_id))


@groups.patch("/{group_id}", operation_id="rename_group", responses=problem_responses(404, 409))
async def rename_group(
    caller: UsersManage, session: TenantSessionDep, group_id: UUID, body: GroupWrite
) -> GroupView:
    return await _group_seen(session, await people.rename_group(session, caller, group_id, body.name))


@groups.delete(
    "/{group_id}",
    operation_id="delete_group",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problem_responses(404),
)
async def delete_group(caller: UsersManage, session: TenantSessionDep, group_id: UUID) -> None:
    await people.remove_group(session, caller, group_id)


@groups.get("/{group_id}/members", operation_id="list_members", responses=problem_responses(404))
async def list_members(
    _caller: UsersManage, session: TenantSessionDep, page: PageQueryDep, group_id: UUID
) -> Page[UserView]:
    await people.get_group(session, group_id)
    rows = await repository.members(session, group_id, page.fetch, page.after)
    roles = await access.role_names(session, [row.id for row in rows])
    return page_of(rows, page.limit, lambda row: _view(row, roles.get(row.id, [])))


@groups.post(
    "/{group_id}/members",
    operation_id="add_member",
    status_code=status.HTTP_201_CREATED,
    responses=problem_responses(404),
)
async def add_member(
    caller: UsersManage, session: TenantSessionDep, group_id: UUID, body: MemberAdd
) -> UserView:
    return await _seen(session, await people.add_member(session, caller, group_id, body.user_id))


@groups.delete(
    "/{group_id}/members/{user_id}",
    operation_id="remove_member",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problem_responses(404),
)
async def remove_member(
    caller: UsersManage, session: TenantSessionDep, group_id: UUID, user_id: UUID
) -> None:
    await people.remove_member(session, caller, group_id, user_id)


async def _seen(session: TenantSession, user: User) -> UserView:
    roles = await access.role_names(session, [user.id])
    return _view(user, roles.get(user.id, []))


def _view(user: User, roles: list[str]) -> UserView:
    return UserView(
        id=user.id,
        email=user.email,
        name=user.name,
        roles=roles,
        status=user.status,
        created_at=user.created_at,
        last_seen_at=user.last_seen_at,
    )


async def _group_seen(session: TenantSession, group: Group) -> GroupView:
    counts = await repository.member_counts(session, [group.id])
    return _group(group, counts.get(group.id, 0))


def _group(group: Group, members: int) -> GroupView:
    return GroupView(id=group.id, name=group.name, member_count=members, created_at=group.created_at)
