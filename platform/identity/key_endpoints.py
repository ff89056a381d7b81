"""API keys over HTTP."""

from uuid import UUID

from fastapi import status

from secretariat.platform.identity import keys, repository
from secretariat.platform.identity.callers import KeysManage, TenantSessionDep
from secretariat.platform.identity.schemas import KeyCreate, KeyCreated, KeyView
from secretariat.platform.tables.identity import ApiKey
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import problem_responses
from secretariat.platform.web.idempotency import shown_once
from secretariat.platform.web.pages import Page, PageQueryDep, page_of
from secretariat.platform.web.routing import api_router

router = api_router("keys", "/api/v1/keys")


@router.get("", operation_id="list_keys")
async def list_keys(caller: KeysManage, session: TenantSessionDep, page: PageQueryDep) -> Page[KeyView]:
    """One's own keys; everyone's for who manages users."""
    owner = None if keys.sees_all(caller) else caller.user_id
    return page_of(await repository.api_keys(session, owner, page.fetch, page.after), page.limit, _view)


@router.post(
    "", operation_id="create_key", status_code=status.HTTP_201_CREATED, responses=problem_responses(409)
)
@shown_once
async def create_key(
    caller: KeysManage, session: TenantSessionDep, services: ServicesDep, body: KeyCreate
) -> KeyCreated:
    """`secret` is shown once: a repeated Idempotency-Key is answered with 409 and makes no second key."""
    key, secret = await keys.create_key(session, services, caller, body)
    return KeyCreated(**_view(key).model_dump(), secret=secret)


@router.get("/{key_id}", operation_id="get_key", responses=problem_responses(404))
async def get_key(caller: KeysManage, session: TenantSessionDep, key_id: UUID) -> KeyView:
    return _view(await keys.get_key(session, caller, key_id))


@router.delete(
    "/{key_id}",
    operation_id="revoke_key",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problem_responses(404),
)
async def revoke_key(caller: KeysManage, session: TenantSessionDep, key_id: UUID) -> None:
    await keys.revoke_key(session, caller, key_id)


def _view(key: ApiKey) -> KeyView:
    return KeyView(
        id=key.id,
        user_id=key.user_id,
        name=key.name,
        prefix=keys.prefix_of(key),
        permissions=key.permissions,
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        revoked_at=key.revoked_at,
    )
