"""Who is calling: a session cookie or an API key becomes a Caller, once a request.

`require` guards an endpoint with one permission; the aliases below are what endpoints write in their
signatures. Credentials are looked up under the tenant that they name, and nothing about them is cached, so a
revoked key or a disabled user is out at the next request.
"""

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from secretariat.platform.access import repository as access
from secretariat.platform.access.caller import EVERYONE, Caller
from secretariat.platform.access.permissions import Permission
from secretariat.platform.audit.event import AuditEvent, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.db.session import TenantSession
from secretariat.platform.identity import repository
from secretariat.platform.identity.credentials import Credential, CredentialHasher
from secretariat.platform.identity.sessions import SESSIONS
from secretariat.platform.kit.times import now
from secretariat.platform.services import Services
from secretariat.platform.tables.identity import ApiKey, SignInSession, User
from secretariat.platform.web.dependencies import RequestIdDep, ServicesDep, client_ip
from secretariat.platform.web.errors import CsrfError, PermissionMissingError, UnauthenticatedError
from secretariat.platform.web.idempotency import claim

SESSION_COOKIE = "secretariat_session"
CSRF_HEADER = "X-CSRF-Token"
API_KEYS = "api-key"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MINUTE = timedelta(minutes=1)

_cookie = APIKeyCookie(name=SESSION_COOKIE, auto_error=False, scheme_name="session")
_bearer = HTTPBearer(auto_error=False, scheme_name="apiKey", bearerFormat="sk_…")


async def current_caller(
    request: Request,
    services: ServicesDep,
    request_id: RequestIdDep,
    cookie: Annotated[str | None, Depends(_cookie)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """An Authorization header wins over a cookie. Raises UnauthenticatedError, CsrfError."""
    if "authorization" in request.headers:
        credential = Credential.from_api_key(bearer.credentials) if bearer else None
        find = _by_api_key
    else:
        credential = Credential.from_cookie(cookie) if cookie else None
        find = _by_session
    if credential is None:
        raise UnauthenticatedError
    async with services.database.tenant(credential.tenant_id) as session:
        caller = await find(session, services, credential, request_id, client_ip(request))
    if caller is None:
        raise UnauthenticatedError("The session or key is not valid, or no longer.")
    if caller.csrf_token is not None and request.method not in _SAFE:
        given = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(given.encode(), caller.csrf_token.encode()):
            raise CsrfError
    return caller


AnyCaller = Annotated[Caller, Depends(current_caller)]


async def _by_session(
    session: TenantSession, services: Services, credential: Credential, request_id: str, ip: str | None
) -> Caller | None:
    row = await repository.sign_in_session(session, credential.id)
    hasher = CredentialHasher(services.contents.keyring.master, SESSIONS)
    if row is None or not _valid(row, hasher, credential):
        return None
    user = await _active_user(session, row.user_id)
    if user is None:
        return None
    return await _caller(session, user, request_id, ip, signed_in=row)


async def _by_api_key(
    session: TenantSession, services: Services, credential: Credential, request_id: str, ip: str | None
) -> Caller | None:
    row = await repository.api_key(session, credential.id)
    hasher = CredentialHasher(services.contents.keyring.master, API_KEYS)
    if row is None or not _valid(row, hasher, credential):
        return None
    user = await _active_user(session, row.user_id)
    if user is None:
        return None
    if row.last_used_at is None or row.last_used_at < now() - _MINUTE:
        await repository.touch_key(session, row.id, now() - _MINUTE, now())
    return await _caller(session, user, request_id, ip, key=row)


def _valid(row: SignInSession | ApiKey, hasher: CredentialHasher, credential: Credential) -> bool:
    matches = hasher.matches(credential.secret, row.secret_hmac)
    return matches and row.revoked_at is None and (row.expires_at is None or row.expires_at > now())


async def _active_user(session: TenantSession, user_id: UUID) -> User | None:
    tenant = await repository.tenant(session)
    user = await repository.user(session, user_id)
    if tenant is None or tenant.status != "active" or user is None or user.status != "active":
        return None
    if user.last_seen_at is None or user.last_seen_at < now() - _MINUTE:
        await repository.touch_user(session, user.id, now() - _MINUTE, now())
    return user


async def _caller(
    session: TenantSession,
    user: User,
    request_id: str,
    ip: str | None,
    *,
    signed_in: SignInSession | None = None,
    key: ApiKey | None = None,
) -> Caller:
    standing = await access.standing(session, user.id)
    groups = {f"group:{group_id}" for group_id in standing.groups}
    return Caller(
        tenant_id=session.tenant_id,
        user_id=user.id,
        email=user.email,
        name=user.name,
        roles=standing.roles,
        permissions=standing.permissions & set(key.permissions) if key else standing.permissions,
        principals=frozenset({f"user:{user.id}", EVERYONE} | groups),
        auth_method="api_key" if key else "session",
        session_id=signed_in.id if signed_in else None,
        key_id=key.id if key else None,
        request_id=request_id,
        ip=ip,
        csrf_token=signed_in.csrf_token if signed_in else None,
    )


def require(permission: Permission) -> Callable[..., Awaitable[Caller]]:
    """A dependency that lets a caller with the permission pass. A refusal is recorded before it is given."""

    async def permitted(request: Request, caller: AnyCaller, services: ServicesDep) -> Caller:
        if permission in caller.permissions:
            return caller
        async with services.database.tenant(caller.tenant_id) as session:
            await record(session, _refusal(request, caller, permission))
        raise PermissionMissingError(permission)

    permitted.permission = permission  # type: ignore[attr-defined]  # the contract tests read it
    return permitted


def _refusal(request: Request, caller: Caller, permission: str) -> AuditEvent:
    return caller.did(
        "AUTH",
        "permission.check",
        Resource("permission", permission),
        outcome="denied",
        details={"method": request.method, "path": request.url.path},
    )


async def tenant_session(
    request: Request, caller: AnyCaller, services: ServicesDep
) -> AsyncIterator[TenantSession]:
    """The request's one transaction, under the caller's tenant. It commits before the answer is sent."""
    async with services.database.tenant(caller.tenant_id) as session:
        request.state.claim = await claim(session, services.contents, request, f"user:{caller.user_id}")
        yield session


TenantSessionDep = Annotated[TenantSession, Depends(tenant_session, scope="function")]

TasksRead = Annotated[Caller, Depends(require("tasks.read"))]
TasksWrite = Annotated[Caller, Depends(require("tasks.write"))]
ConversationsRead = Annotated[Caller, Depends(require("conversations.read"))]
ConversationsWrite = Annotated[Caller, Depends(require("conversations.write"))]
DirectoryRead = Annotated[Caller, Depends(require("directory.read"))]
DocumentsRead = Annotated[Caller, Depends(require("documents.read"))]
DocumentsWrite = Annotated[Caller, Depends(require("documents.write"))]
CollectionsManage = Annotated[Caller, Depends(require("collections.manage"))]
AssistantsRead = Annotated[Caller, Depends(require("assistants.read"))]
AssistantsManage = Annotated[Caller, Depends(require("assistants.manage"))]
UsersManage = Annotated[Caller, Depends(require("users.manage"))]
RolesManage = Annotated[Caller, Depends(require("roles.manage"))]
KeysManage = Annotated[Caller, Depends(require("keys.manage"))]
ConnectionsManage = Annotated[Caller, Depends(require("connections.manage"))]
AuditRead = Annotated[Caller, Depends(require("audit.read"))]
AuditContentRead = Annotated[Caller, Depends(require("audit.content.read"))]
ComplianceExport = Annotated[Caller, Depends(require("compliance.export"))]
EvaluationsManage = Annotated[Caller, Depends(require("evaluations.manage"))]
JobsRead = Annotated[Caller, Depends(require("jobs.read"))]
JobsManage = Annotated[Caller, Depends(require("jobs.manage"))]
ModelsUse = Annotated[Caller, Depends(require("models.use"))]
TrainingManage = Annotated[Caller, Depends(require("training.manage"))]
TenantManage = Annotated[Caller, Depends(require("tenant.manage"))]
