"""Cookies: out of scripts' reach, not sent along from other sites, and only over TLS where there is TLS."""

from starlette.requests import Request
from starlette.responses import Response

from secretariat.platform.identity.callers import SESSION_COOKIE
from secretariat.platform.identity.sessions import OpenedSession
from secretariat.platform.identity.sign_in import Origin
from secretariat.platform.settings import Settings
from secretariat.platform.web.dependencies import client_ip, get_request_id


def set_session_cookie(response: Response, settings: Settings, opened: OpenedSession) -> None:
    response.set_cookie(
        SESSION_COOKIE,
        opened.cookie,
        max_age=settings.session_hours * 3600,
        path="/",
        httponly=True,
        samesite="lax",
        secure=settings.secure_cookies,
    )


def clear_session_cookie(response: Response, settings: Settings) -> None:
    response.delete_cookie(
        SESSION_COOKIE, path="/", httponly=True, samesite="lax", secure=settings.secure_cookies
    )


def origin_of(request: Request) -> Origin:
    return Origin(client_ip(request), request.headers.get("user-agent"), get_request_id(request))
