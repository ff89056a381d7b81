"""A file on its way in: how much of it is taken, what is refused before anything is stored."""

import asyncio
import re
import unicodedata
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any, BinaryIO
from uuid import UUID

from fastapi import Depends, Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.responses import Response
from starlette.types import Message

from secretariat.platform.contents.blobs import PIECE_BYTES
from secretariat.platform.documents.errors import FileTooLargeError, refusal
from secretariat.platform.identity.callers import DocumentsWrite
from secretariat.platform.services import Services
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import BadRequestError, Fault, InvalidError
from secretariat.platform.web.forms import no_file, read_form
from secretariat.platform.web.routing import PlatformRoute
from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse import sniff

FORM_BYTES = 64_000
_LOOK_BYTES = 1_000_000
_LONGEST_NAME = 255
_UNNAMED = "document"


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """A whole file that passed what can be checked at once."""

    name: str
    media_type: str
    file: BinaryIO

    async def pieces(self) -> AsyncIterator[bytes]:
        await asyncio.to_thread(self.file.seek, 0)
        while piece := await asyncio.to_thread(self.file.read, PIECE_BYTES):
            yield piece


@dataclass(frozen=True, slots=True)
class Received:
    collection_id: UUID
    file: IncomingFile


class UploadRoute(PlatformRoute):
    """Stops reading a body that is larger than a document may be, whoever reads it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            services: Services = request.app.state.services
            body = _LimitedBody(request, services.settings.max_upload_bytes)
            inner = Request(request.scope, body.receive)
            try:
                return await handle(inner)
            except (HTTPException, BadRequestError) as cause:
                if body.exceeded:
                    raise too_large(body.limit) from cause
                raise
            finally:
                await inner.close()

        return handler


class _LimitedBody:
    """A declared length is refused before the first byte is read, but after the caller is known."""

    def __init__(self, request: Request, limit: int) -> None:
        self.limit = limit
        self.exceeded = False
        declared = request.headers.get("content-length", "")
        self._declared = int(declared) if declared.isascii() and declared.isdigit() else 0
        self._taken = 0
        self._request = request

    async def receive(self) -> Message:
        """Raises what the form's parser cleans up after."""
        self._check(self._declared)
        message = await self._request.receive()
        self._taken += len(message.get("body", b""))
        self._check(self._taken)
        return message

    def _check(self, size: int) -> None:
        if size > self.limit + FORM_BYTES:
            self.exceeded = True
            raise MultiPartException("The body is too large.")


def too_large(limit: int) -> FileTooLargeError:
    return FileTooLargeError(
        f"The file is larger than the {limit / 1_000_000:g} MB that are accepted. "
        "Split it or save it smaller, and upload it again."
    )


async def received(_caller: DocumentsWrite, request: Request, services: ServicesDep) -> Received:
    """The form, read to its end before the request's transaction begins: a slow sender holds no connection.

    Raises BadRequestError, InvalidError, FileTooLargeError and what `errors.refusal` makes of a rejection.
    """
    form = await read_form(request, "the fields file and collection_id", files=1)
    file, collection_id = form.get("file"), _id(form.get("collection_id"))
    faults = []
    if not isinstance(file, UploadFile):
        faults.append(_NO_FILE)
    if collection_id is None:
        faults.append(
            Fault(pointer="/collection_id", code="uuid", detail="The id of a collection is needed.")
        )
    if collection_id is None or not isinstance(file, UploadFile):
        raise InvalidError("The form lacks a field.", errors=tuple(faults))
    return Received(collection_id, await checked(file, services.settings.max_upload_bytes))


async def received_file(_caller: DocumentsWrite, request: Request, services: ServicesDep) -> IncomingFile:
    """The same for a form that holds a file alone."""
    file = (await read_form(request, "the field file", files=1)).get("file")
    if not isinstance(file, UploadFile):
        raise InvalidError("The form lacks a field.", errors=(_NO_FILE,))
    return await checked(file, services.settings.max_upload_bytes)


ReceivedDep = Annotated[Received, Depends(received)]
FileDep = Annotated[IncomingFile, Depends(received_file)]
_NO_FILE = no_file("file")


def _id(stated: object) -> UUID | None:
    try:
        return UUID(stated) if isinstance(stated, str) else None
    except ValueError:
        return None


async def checked(upload: UploadFile, limit: int) -> IncomingFile:
    """Raises FileTooLargeError and what `errors.refusal` makes of a rejection."""
    if upload.size is not None and upload.size > limit:
        raise too_large(limit)
    name = clean_name(upload.filename or "")
    try:
        media_type = await asyncio.to_thread(_sniff, upload.file, name, upload.content_type)
    except DocumentRejectedError as rejection:
        raise refusal(rejection) from rejection
    return IncomingFile(name, media_type, upload.file)


def _sniff(file: BinaryIO, name: str, declared: str | None) -> str:
    """Looks at all of a small file; at both ends of a large one: a PDF says at its end that it is encrypted."""
    size = file.seek(0, 2)
    file.seek(0)
    look = file.read(2 * _LOOK_BYTES if size <= 2 * _LOOK_BYTES else _LOOK_BYTES)
    if size > 2 * _LOOK_BYTES:
        file.seek(size - _LOOK_BYTES)
        look += b"\n" + file.read()
    return sniff(look, name, declared)


def clean_name(name: str) -> str:
    """The last part of a path, without control characters, at most 255 characters with its ending kept."""
    last = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    printable = re.sub(r"\s+", " ", "".join(c for c in last if unicodedata.category(c)[0] != "C")).strip()
    suffix = PurePosixPath(printable).suffix[:16]
    stem = printable[: len(printable) - len(suffix)] if suffix else printable
    return (stem[: _LONGEST_NAME - len(suffix)] + suffix) or _UNNAMED
