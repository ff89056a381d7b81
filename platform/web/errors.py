"""The one error family of the platform, and how a problem reads on the wire (RFC 9457).

Knows nothing of the slices; they subclass PlatformError for refusals of their own.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, Field


class PlatformError(Exception):
    """A refusal that the caller may see: `detail` never carries content, secrets or another tenant's names."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "INTERNAL"
    title: ClassVar[str] = "Internal error"

    def __init__(
        self,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        errors: tuple["Fault", ...] = (),
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.headers = dict(headers or {})
        self.errors = errors


class NotFoundError(PlatformError):
    """Unknown and foreign ids alike, so that the answer tells nothing about other tenants."""

    status, code, title = 404, "NOT_FOUND", "Not found"

    def __init__(self, thing: str) -> None:
        super().__init__(f"No such {thing}.")


class UnauthenticatedError(PlatformError):
    status, code, title = 401, "UNAUTHENTICATED", "Sign in"

    def __init__(self, detail: str = "Sign in or send an API key.") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="secretariat"'})


class ForbiddenError(PlatformError):
    status, code, title = 403, "FORBIDDEN", "Not allowed"


class PermissionMissingError(ForbiddenError):
    code = "PERMISSION_MISSING"

    def __init__(self, permission: str) -> None:
        super().__init__(f"This needs the permission {permission}.")
        self.permission = permission


class CsrfError(ForbiddenError):
    code = "CSRF"

    def __init__(self) -> None:
        super().__init__("Send the X-CSRF-Token header that GET /api/v1/session gave.")


class ConflictError(PlatformError):
    status, code, title = 409, "CONFLICT", "In conflict"


class InvalidError(PlatformError):
    """Well formed, but wrong; `errors` may point at the fields."""

    status, code, title = 422, "INVALID", "Not valid"


class BadRequestError(PlatformError):
    status, code, title = 400, "BAD_REQUEST", "Bad request"


class TooLargeError(PlatformError):
    status, code, title = 413, "TOO_LARGE", "Too large"


class TooManyRequestsError(PlatformError):
    status, code, title = 429, "TOO_MANY_REQUESTS", "Too many requests"

    def __init__(self, detail: str, retry_after_seconds: int) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)})


class UnavailableError(PlatformError):
    status, code, title = 503, "UNAVAILABLE", "Unavailable for now"

    def __init__(self, detail: str = "Try again shortly.", retry_after_seconds: int = 2) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)})


class Fault(BaseModel):
    """One thing wrong with a request. `pointer` is a JSON pointer (RFC 6901) or `query:`, `path:`, `header:`."""

    pointer: str
    code: str
    detail: str


class Problem(BaseModel):
    """A refusal (application/problem+json)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[Fault] = Field(default_factory=list)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For `responses=` of an endpoint: each status with the Problem schema."""
    return {
        status: {
            "description": _MEANINGS[status],
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


_MEANINGS: dict[int, str] = {
    400: "Not understood",
    401: "Not signed in",
    403: "Not allowed",
    404: "No such thing in this tenant",
    409: "In conflict with the present state",
    413: "Too large",
    415: "Not a supported media type",
    422: "Not valid",
    429: "Too many requests",
    500: "A fault of ours; quote the request id",
    503: "Unavailable for now",
}
