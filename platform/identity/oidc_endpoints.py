"""The pages a browser passes on its way through an identity provider."""

import re
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response, status
from fastapi.responses import RedirectResponse

from secretariat.platform.identity import repository
from secretariat.platform.identity.cookies import origin_of, set_session_cookie
from secretariat.platform.identity.credentials import Credential
from secretariat.platform.identity.oidc import flow
from secretariat.platform.identity.oidc.errors import OidcError
from secretariat.platform.identity.oidc.people import user_of
from secretariat.platform.identity.oidc.provider import Providers
from secretariat.platform.identity.pages import browser_page
from secretariat.platform.identity.sessions import OpenedSession
from secretariat.platform.identity.sign_in import Origin, admit, check_throttle, refused, signed_in
from secretariat.platform.services import Services
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import PlatformError, TooManyRequestsError, problem_responses

router = APIRouter(prefix="/auth/oidc", tags=["session"])

_ERROR_CODE = re.compile(r"[a-z_]{1,40}")
_COOKIE_PATH = "/auth/oidc"


def get_providers(request: Request) -> Providers:
    providers = request.app.state.providers
    assert isinstance(providers, Providers)
    return providers


ProvidersDep = Annotated[Providers, Depends(get_providers)]
Parameter = Annotated[str | None, Query(max_length=4096)]


@router.get(
    "/{tenant_id}/{connection_id}/start",
    operation_id="start_sso",
    status_code=status.HTTP_303_SEE_OTHER,
    response_class=RedirectResponse,
    responses=problem_responses(400, 404),
)
async def start(
    request: Request,
    services: ServicesDep,
    providers: ProvidersDep,
    tenant_id: UUID,
    connection_id: UUID,
    next_path: Annotated[str, Query(alias="next", max_length=2000)] = "/",
) -> Response:
    """Sends the browser to the identity provider."""
    try:
        departure = await flow.depart(services, providers, tenant_id, connection_id, next_path)
    except PlatformError as refusal:
        return browser_page(request, refusal)
    response = RedirectResponse(departure.url, status.HTTP_303_SEE_OTHER)
    response.set_cookie(
        departure.cookie_name,
        departure.cookie_value,
        max_age=int(flow.LIFE.total_seconds()),
        path=_COOKIE_PATH,
        httponly=True,
        samesite="lax",
        secure=services.settings.secure_cookies,
    )
    return response


@router.get(
    "/callback",
    operation_id="finish_sso",
    status_code=status.HTTP_303_SEE_OTHER,
    response_class=RedirectResponse,
    responses=problem_responses(400, 409, 429),
)
async def callback(
    request: Request,
    services: ServicesDep,
    providers: ProvidersDep,
    state: Parameter = None,
    code: Parameter = None,
    error: Parameter = None,
    iss: Parameter = None,
) -> Response:
    """Takes the browser back from the identity provider and signs the person in."""
    begun = Credential.from_cookie(state or "")
    if begun is None:
        return browser_page(request, OidcError("state_missing", "This is not a sign-in that began here."))
    origin = origin_of(request)
    try:
        async with services.database.tenant(begun.tenant_id) as session:
            await check_throttle(session, None, origin)
        opened, next_path = await _finish(request, services, providers, begun, (code, error, iss), origin)
    except TooManyRequestsError as refusal:
        return browser_page(request, refusal)
    except OidcError as refusal:
        response = browser_page(request, await _on_record(services, begun.tenant_id, refusal, origin))
    else:
        response = RedirectResponse(next_path, status.HTTP_303_SEE_OTHER)
        set_session_cookie(response, services.settings, opened)
    response.delete_cookie(flow.cookie_name(begun.id), path=_COOKIE_PATH)
    return response


async def _finish(
    request: Request,
    services: Services,
    providers: Providers,
    begun: Credential,
    answer: tuple[str | None, str | None, str | None],
    origin: Origin,
) -> tuple[OpenedSession, str]:
    code, error, issuer = answer
    under_way = await flow.take_back(services, begun, request.cookies.get(flow.cookie_name(begun.id)))
    if error is not None:
        named = error if _ERROR_CODE.fullmatch(error) else "unnamed"
        raise OidcError(f"provider_error:{named}", "The identity provider did not sign you in.")
    if not code:
        raise OidcError("code_missing")
    arrival = await flow.arrive(services, providers, under_way, code, issuer)
    async with services.database.tenant(begun.tenant_id) as session:
        user = await user_of(session, arrival, origin)
        opened = await signed_in(
            session, services, user, "oidc", origin, connection_id=str(arrival.connection.id)
        )
    return opened, arrival.next_path


async def _on_record(
    services: Services, tenant_id: UUID, refusal: OidcError, origin: Origin
) -> PlatformError:
    """The refusal, recorded in the tenant that the state names, if there is one, and not too often."""
    try:
        async with services.database.tenant(tenant_id) as session:
            if await repository.tenant(session) is not None:
                await admit(session, None, origin)
                await refused(session, None, "oidc", refusal.reason, origin)
    except TooManyRequestsError as too_many:
        return too_many
    return refusal
