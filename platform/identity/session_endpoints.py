"""Signing in and out, and who am I."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response, status
from fastapi.responses import RedirectResponse

from secretariat.platform.access import repository as access
from secretariat.platform.audit.event import Resource
from secretariat.platform.db.session import TenantSession
from secretariat.platform.identity import repository
from secretariat.platform.identity.callers import SESSION_COOKIE, AnyCaller, TenantSessionDep
from secretariat.platform.identity.changes import record_change
from secretariat.platform.identity.cookies import clear_session_cookie, origin_of, set_session_cookie
from secretariat.platform.identity.credentials import Credential
from secretariat.platform.identity.pages import browser_page
from secretariat.platform.identity.schemas import (
    SessionView,
    SignIn,
    SignInChoice,
    SignInOptions,
    SignInTenant,
    TenantRef,
    UserRef,
)
from secretariat.platform.identity.sessions import close_presented
from secretariat.platform.identity.sign_in import find_tenant, sign_in_with_link, sign_in_with_password
from secretariat.platform.kit.times import now
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import ConflictError, UnauthenticatedError, problem_responses
from secretariat.platform.web.routing import api_router

router = api_router("session", "/api/v1")
pages = APIRouter(tags=["session"])


@router.post("/session", operation_id="sign_in", responses=problem_responses(429))
async def sign_in(request: Request, response: Response, services: ServicesDep, body: SignIn) -> SessionView:
    """Sign in with a password. Takes JSON only, so that no form of another site can sign anyone in."""
    opened = await sign_in_with_password(services, body.tenant, body.email, body.password, origin_of(request))
    await _close_old(request, services)
    set_session_cookie(response, services.settings, opened)
    async with services.database.tenant(opened.session.tenant_id) as session:
        user = await repository.user(session, opened.session.user_id)
        assert user is not None
        standing = await access.standing(session, user.id)
        return SessionView(
            user=UserRef(id=user.id, email=user.email, name=user.name),
            tenant=await _tenant(session),
            roles=list(standing.roles),
            permissions=sorted(standing.permissions),
            csrf_token=opened.csrf_token,
            expires_at=opened.expires_at,
        )


@router.get("/session", operation_id="who_am_i")
async def who_am_i(caller: AnyCaller, session: TenantSessionDep) -> SessionView:
    row = await repository.sign_in_session(session, caller.session_id) if caller.session_id else None
    return SessionView(
        user=UserRef(id=caller.user_id, email=caller.email, name=caller.name),
        tenant=await _tenant(session),
        roles=list(caller.roles),
        permissions=sorted(caller.permissions),
        csrf_token=caller.csrf_token,
        expires_at=row.expires_at if row else None,
    )


@router.delete(
    "/session",
    operation_id="sign_out",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problem_responses(409),
)
async def sign_out(
    caller: AnyCaller, session: TenantSessionDep, services: ServicesDep, response: Response
) -> None:
    if caller.session_id is None:
        raise ConflictError("An API key has no session. Revoke the key instead.")
    await repository.revoke_session(session, caller.session_id, now())
    await record_change(
        session, caller, "AUTH", "session.delete", Resource("session", str(caller.session_id))
    )
    clear_session_cookie(response, services.settings)


@router.get("/sign-in/{tenant_slug}", operation_id="sign_in_options")
async def sign_in_options(
    services: ServicesDep, tenant_slug: Annotated[str, Path(max_length=63)]
) -> SignInOptions:
    """How the people of a tenant may sign in. An unknown tenant looks like one without connections."""
    tenant = await find_tenant(services, tenant_slug)
    if tenant is None:
        return SignInOptions(tenant=SignInTenant(slug=tenant_slug, name=None), connections=[])
    async with services.database.tenant(tenant.id) as session:
        rows = await repository.connections(session, 100, None, enabled_only=True)
    choices = [
        SignInChoice(
            id=row.id, name=row.name, kind=row.kind, start_url=f"/auth/oidc/{tenant.id}/{row.id}/start"
        )
        for row in rows
    ]
    return SignInOptions(tenant=SignInTenant(slug=tenant.slug, name=tenant.name), connections=choices)


@pages.get(
    "/auth/link",
    operation_id="sign_in_by_link",
    status_code=status.HTTP_303_SEE_OTHER,
    response_class=RedirectResponse,
    responses=problem_responses(401),
)
async def sign_in_by_link(
    request: Request, services: ServicesDep, token: Annotated[str, Query(max_length=200)]
) -> Response:
    """A one-time link from the command line; sets the session and goes to the console."""
    try:
        opened = await sign_in_with_link(services, token, origin_of(request))
    except UnauthenticatedError as refusal:
        return browser_page(request, refusal)
    await _close_old(request, services)
    response = RedirectResponse("/", status.HTTP_303_SEE_OTHER)
    set_session_cookie(response, services.settings, opened)
    return response


async def _close_old(request: Request, services: ServicesDep) -> None:
    """The session that this browser had before, whoever it was."""
    credential = Credential.from_cookie(request.cookies.get(SESSION_COOKIE, ""))
    if credential is not None:
        async with services.database.tenant(credential.tenant_id) as session:
            await close_presented(session, services, credential)


async def _tenant(session: TenantSession) -> TenantRef:
    tenant = await repository.tenant(session)
    assert tenant is not None
    return TenantRef(id=tenant.id, slug=tenant.slug, name=tenant.name)
