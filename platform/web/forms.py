"""Multipart forms, read whole. What their fields mean, and how large they may be, is their endpoint's."""

from fastapi import Request
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from secretariat.platform.web.errors import BadRequestError, Fault

_MOST_FIELDS = 4


async def read_form(request: Request, fields: str, *, files: int) -> FormData:
    """`fields` names what the form has to hold; the caller closes it. Raises BadRequestError."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise BadRequestError(f"Send multipart/form-data with {fields}.")
    try:
        return await request.form(max_files=files, max_fields=_MOST_FIELDS)
    except HTTPException as cause:
        if cause.status_code != BadRequestError.status:
            raise
        raise BadRequestError("The multipart form could not be read.") from cause


def no_file(field: str) -> Fault:
    return Fault(pointer=f"/{field}", code="missing", detail="A file is needed.")
