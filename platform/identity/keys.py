"""API keys: made for their own maker, never stronger than the maker, shown once."""

from datetime import datetime
from uuid import UUID

from secretariat.platform.access import repository as access
from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import Resource
from secretariat.platform.db.session import TenantSession
from secretariat.platform.identity import repository
from secretariat.platform.identity.callers import API_KEYS
from secretariat.platform.identity.changes import record_change
from secretariat.platform.identity.credentials import Credential, CredentialHasher, new_secret
from secretariat.platform.identity.escalation import check_holds, check_known
from secretariat.platform.identity.schemas import KeyCreate
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.services import Services
from secretariat.platform.tables.identity import ApiKey
from secretariat.platform.web.errors import InvalidError, NotFoundError


async def create_key(
    session: TenantSession, services: Services, caller: Caller, wanted: KeyCreate
) -> tuple[ApiKey, str]:
    """The row and the whole key. Raises InvalidError, EscalationError."""
    permissions = await _permissions(session, wanted)
    check_holds(caller, permissions)
    if wanted.expires_at is not None and (wanted.expires_at.tzinfo is None or wanted.expires_at <= now()):
        raise InvalidError("expires_at is a time in the future, with its time zone.")
    key, whole = await put_key(
        session, services, caller.user_id, wanted.name, sorted(permissions), wanted.expires_at
    )
    await record_change(session, caller, "KEY", "key.create", _resource(key), permissions=key.permissions)
    return key, whole


async def put_key(
    session: TenantSession,
    services: Services,
    user_id: UUID,
    name: str,
    permissions: list[str],
    expires_at: datetime | None,
) -> tuple[ApiKey, str]:
    """The row and the whole key, whose secret stands nowhere else. What it may do is the caller's to check."""
    credential = Credential(session.tenant_id, new_id(), new_secret())
    key = ApiKey(
        tenant_id=session.tenant_id,
        id=credential.id,
        user_id=user_id,
        name=name,
        secret_hmac=CredentialHasher(services.contents.keyring.master, API_KEYS).of(credential.secret),
        permissions=permissions,
        expires_at=expires_at,
        created_at=now(),
    )
    session.add(key)
    await session.flush()
    return key, credential.as_api_key


async def _permissions(session: TenantSession, wanted: KeyCreate) -> set[str]:
    if (wanted.permissions is None) == (wanted.roles is None):
        raise InvalidError("Name either permissions or roles.")
    if wanted.permissions is not None:
        check_known(wanted.permissions)
        return set(wanted.permissions)
    assert wanted.roles is not None
    roles = await access.roles_named(session, wanted.roles)
    unknown = sorted(set(wanted.roles) - {role.name for role in roles})
    if unknown:
        raise InvalidError(f"No such role: {', '.join(unknown)}.")
    return {permission for role in roles for permission in role.permissions}


async def get_key(session: TenantSession, caller: Caller, key_id: UUID) -> ApiKey:
    """One's own, or anyone's for who manages users. Raises NotFoundError."""
    key = await repository.api_key(session, key_id)
    if key is None or (key.user_id != caller.user_id and not sees_all(caller)):
        raise NotFoundError("API key")
    return key


def sees_all(caller: Caller) -> bool:
    return "users.manage" in caller.permissions


async def revoke_key(session: TenantSession, caller: Caller, key_id: UUID) -> None:
    """From the next request on it is refused. Raises NotFoundError."""
    key = await get_key(session, caller, key_id)
    if key.revoked_at is None:
        key.revoked_at = now()
        await session.flush()
        await record_change(session, caller, "KEY", "key.revoke", _resource(key))


def prefix_of(key: ApiKey) -> str:
    """Enough to recognise a key by."""
    return f"sk_{key.tenant_id.hex[:8]}…{key.id.hex[-8:]}"


def _resource(key: ApiKey) -> Resource:
    return Resource("api_key", str(key.id), key.name)
