"""Turns every failure of a request into a problem document; nothing of the inside gets out."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from secretariat.platform.web.errors import (
    Fault,
    InvalidError,
    PlatformError,
    Problem,
    UnavailableError,
)
from secretariat.platform.web.openai_errors import envelope, speaks_openai

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
_CODES = {400: "BAD_REQUEST", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "TOO_LARGE"}
_DETAILS = {
    400: "The request could not be read.",
    404: "No such page.",
    405: "This page does not take that method.",
    413: "The request is larger than this page takes.",
}


def install_problem_handlers(app: FastAPI) -> None:
    app.add_exception_handler(PlatformError, _platform)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    for away in (OperationalError, InterfaceError, PoolTimeoutError, ConnectionRefusedError):
        app.add_exception_handler(away, _database_away)
    for unstorable in (DataError, orjson.JSONEncodeError, UnicodeEncodeError):
        app.add_exception_handler(unstorable, _unstorable)
    app.add_exception_handler(Exception, unexpected)


def problem_response(
    request: Request,
    *,
    status: int,
    code: str,
    title: str,
    detail: str,
    errors: tuple[Fault, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document, or OpenAI's envelope where that dialect is spoken."""
    request_id = request.scope.get("state", {}).get("request_id", "")
    if speaks_openai(request.url.path):
        body: dict[str, Any] = envelope(status, code, detail, errors)
        return Response(orjson.dumps(body), status, dict(headers or {}), "application/json")
    problem = Problem(
        title=title,
        status=status,
        detail=detail,
        instance=request.url.path,
        code=code,
        request_id=request_id,
        errors=list(errors),
    )
    return Response(orjson.dumps(problem.model_dump()), status, dict(headers or {}), MEDIA_TYPE)


def error_response(request: Request, error: PlatformError) -> Response:
    return problem_response(
        request,
        status=error.status,
        code=error.code,
        title=error.title,
        detail=error.detail,
        errors=error.errors,
        headers=error.headers,
    )


async def _platform(request: Request, error: Exception) -> Response:
    assert isinstance(error, PlatformError)
    return error_response(request, error)


async def _validation(request: Request, error: Exception) -> Response:
    """Says where and why, and never repeats what was sent: it may be a password."""
    assert isinstance(error, RequestValidationError)
    faults = tuple(
        Fault(pointer=_pointer(fault["loc"]), code=str(fault["type"]), detail=str(fault["msg"]))
        for fault in error.errors()
    )
    return problem_response(
        request,
        status=422,
        code="INVALID_REQUEST",
        title="Not valid",
        detail="The request does not have the form that this page takes.",
        errors=faults,
    )


def _pointer(location: tuple[int | str, ...]) -> str:
    place, *rest = location
    if place == "body":
        return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in rest)
    return f"{place}:{'.'.join(str(part) for part in rest)}"


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    title = HTTPStatus(status).phrase
    return problem_response(
        request,
        status=status,
        code=_CODES.get(status, title.upper().replace(" ", "_")),
        title=title,
        detail=_DETAILS.get(status, title),
        headers=error.headers,
    )


async def _database_away(request: Request, _error: Exception) -> Response:
    log.warning("the database did not answer", path=request.url.path)
    return error_response(request, UnavailableError("The database does not answer. Try again shortly."))


async def _unstorable(request: Request, error: Exception) -> Response:
    """Text with a NUL or half a character, a number out of range: well-formed JSON that can't be kept."""
    log.warning("a value cannot be stored", path=request.url.path, kind=type(error).__name__)
    return error_response(
        request, InvalidError("The request holds a character or number that cannot be stored.")
    )


async def unexpected(request: Request, error: Exception) -> Response:
    log.error("unexpected failure", path=request.url.path, method=request.method, exc_info=error)
    return problem_response(
        request,
        status=500,
        code="INTERNAL",
        title="Internal error",
        detail="Something went wrong on our side. Quote the request id when you report it.",
    )
