"""What a caller is told when something went wrong: OpenAI's envelope and the status that goes with it."""

import math
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from secretariat.models.errors import ModelError, ModelErrorCode

Json = dict[str, Any]

STATUS: dict[ModelErrorCode, int] = {
    "model_not_found": 404,
    "snapshot_not_found": 404,
    "adapter_not_found": 404,
    "adapter_invalid": 400,
    "context_length_exceeded": 400,
    "invalid_request": 400,
    "invalid_schema": 400,
    "overloaded": 429,
    "deadline_exceeded": 504,
    "cancelled": 499,
    "unreachable": 503,
    "checkpoint_invalid": 503,
    "weights_missing": 503,
    "engine_failed": 500,
}


class BodyTooLargeError(Exception):
    """The request's body exceeds the limit."""


class InvalidBodyError(Exception):
    """The request's body isn't what the route takes. `param` is the path of the first field at fault."""

    def __init__(self, message: str, param: str | None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


def error_body(message: str, kind: str, code: str | None = None, param: str | None = None) -> Json:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def error_of(error: ModelError) -> Json:
    kind = "invalid_request_error" if STATUS[error.code] in (400, 404) else "server_error"
    return error_body(error.message, kind, error.code, error.param)


async def _model_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ModelError)
    headers = None
    if error.retryable and error.code != "deadline_exceeded":
        headers = {"Retry-After": str(math.ceil(max(error.retry_after_s or 1, 1)))}
    return JSONResponse(error_of(error), STATUS[error.code], headers)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidBodyError)
    body = error_body(error.message, "invalid_request_error", "invalid_request", error.param)
    return JSONResponse(body, 400)


async def _too_large(_: Request, __: Exception) -> Response:
    body = error_body(
        "the request body exceeds what this route takes", "invalid_request_error", "request_too_large"
    )
    return JSONResponse(body, 413, {"Connection": "close"})


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    body = error_body(error.detail, "invalid_request_error")
    return JSONResponse(body, error.status_code, dict(error.headers or {}))


async def _server_error(_: Request, __: Exception) -> Response:
    return JSONResponse(error_body("the server failed", "server_error", "engine_failed"), 500)


HANDLERS: dict[Any, Any] = {
    ModelError: _model_error,
    InvalidBodyError: _invalid,
    BodyTooLargeError: _too_large,
    HTTPException: _http_error,
    Exception: _server_error,
}
