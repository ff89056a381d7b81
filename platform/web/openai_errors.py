"""The error envelope of the OpenAI dialect, for the routes that speak it."""

from typing import Any

from secretariat.platform.web.errors import Fault

_PREFIXES = ("/v1/chat/", "/v1/embeddings", "/v1/models")
_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    503: "overloaded_error",
}


def speaks_openai(path: str) -> bool:
    return path.startswith(_PREFIXES)


def envelope(status: int, code: str, detail: str, errors: tuple[Fault, ...]) -> dict[str, Any]:
    """{"error": {message, type, param, code}}; `param` is the first field at fault."""
    kind = _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    param = errors[0].pointer.strip("/").replace("/", ".") if errors else None
    message = f"{errors[0].detail} ({param})" if errors else detail
    return {"error": {"message": message, "type": kind, "param": param, "code": code.lower()}}
