"""What can be read of a document: its text, chunks, quotes with their places, pages, and the original.

Every look is recorded before it is given.
"""

import asyncio
import hashlib
import hmac
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

import orjson

from secretariat.platform.access.caller import Caller
from secretariat.platform.db.session import TenantSession
from secretariat.platform.documents import repository
from secretariat.platform.documents.errors import refusal
from secretariat.platform.documents.evidence import record_on
from secretariat.platform.documents.layout import NOTHING_PLACED, Layout, layout_of
from secretariat.platform.documents.originals import original
from secretariat.platform.services import Services
from secretariat.platform.tables.documents import ChunkRow, Document
from secretariat.platform.web.errors import ConflictError, NotFoundError
from secretariat.retrieval.core import Span
from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse import DEFAULT_LIMITS
from secretariat.retrieval.parse.media import PDF
from secretariat.retrieval.parse.render import NoSuchPageError, render

LONGEST_QUOTE = 20_000
_PAGES_AT_ONCE = asyncio.Semaphore(2)  # each is a process of up to 1 GiB
# Who leafs through a document doesn't keep the others waiting.
_turns: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()


class NotReadyError(ConflictError):
    code, title = "DOCUMENT_NOT_READY", "The document is not ready"


class NoPagesError(ConflictError):
    code, title = "NO_PAGES", "The document has no pages to show"


@dataclass(frozen=True, slots=True)
class QuotedSpan:
    """`verified` is None where no hash was sent to compare with."""

    document: Document
    span: Span
    text: str
    sha256: str
    verified: bool | None
    layout: Layout


async def document(session: TenantSession, caller: Caller, document_id: UUID) -> Document:
    """Raises NotFoundError."""
    found = await repository.document(session, document_id, caller.principals)
    if found is None:
        raise NotFoundError("document")
    return found


async def text(
    session: TenantSession, services: Services, caller: Caller, document_id: UUID
) -> tuple[Document, str, Layout]:
    """Raises NotFoundError, NotReadyError."""
    found = await _ready(session, caller, document_id)
    await record_on(session, caller, "DATA_ACCESS", "document.text", found, {})
    return found, await _text(session, services, found), await layout(session, services, found)


async def quote(
    session: TenantSession,
    services: Services,
    caller: Caller,
    document_id: UUID,
    start: int,
    end: int | None,
    sha256: str | None,
) -> QuotedSpan:
    """What stands at [start, end), cut to the text and to LONGEST_QUOTE. Raises NotFoundError, NotReadyError."""
    found = await _ready(session, caller, document_id)
    words = await _text(session, services, found)
    first = min(start, len(words))
    last = min(len(words) if end is None else end, len(words), first + LONGEST_QUOTE)
    span = Span(first, max(first, last))
    quoted = span.within(words)
    fingerprint = await services.contents.fingerprint(session)
    facts = {"start": span.start, "end": span.end, "fingerprint": fingerprint(quoted)}
    await record_on(session, caller, "DATA_ACCESS", "document.passage", found, facts)
    digest = hashlib.sha256(quoted.encode()).hexdigest()
    verified = None if sha256 is None else bool(quoted) and hmac.compare_digest(digest, sha256)
    return QuotedSpan(found, span, quoted, digest, verified, await layout(session, services, found))


async def chunks(
    session: TenantSession,
    services: Services,
    caller: Caller,
    document_id: UUID,
    *,
    limit: int,
    after: UUID | None,
    start: int | None = None,
    end: int | None = None,
) -> tuple[list[tuple[ChunkRow, dict[str, Any]]], Layout]:
    """Chunks with their words {text, heading_path}. Raises NotFoundError, NotReadyError."""
    found = await _ready(session, caller, document_id)
    rows = await repository.chunks(session, found.id, limit=limit, after=after, start=start, end=end)
    words = await services.contents.get_many(session, [row.content_id for row in rows if row.content_id])
    facts = {"chunks": len(rows), "start": start, "end": end}
    await record_on(session, caller, "DATA_ACCESS", "document.chunks", found, facts)
    spoken = [(row, orjson.loads(words[row.content_id])) for row in rows if row.content_id in words]
    return spoken, await layout(session, services, found)


async def content(session: TenantSession, caller: Caller, document_id: UUID) -> Document:
    """The document whose original is about to be read, whatever became of it. Raises NotFoundError."""
    found = await document(session, caller, document_id)
    await record_on(session, caller, "DATA_ACCESS", "document.content", found, {"sha256": found.sha256})
    return found


async def page_image(
    services: Services, caller: Caller, document_id: UUID, number: int, scale: float
) -> bytes:
    """The page as PNG, drawn anew each time. Raises NotFoundError, NotReadyError, NoPagesError and refusals.

    Whether it may be seen is asked when its turn has come, not before.
    """
    turn = _turns.setdefault(caller.user_id, asyncio.Lock())
    limits = replace(DEFAULT_LIMITS, file_bytes=services.settings.max_upload_bytes)
    async with turn, _PAGES_AT_ONCE:
        async with services.database.tenant(caller.tenant_id) as session:
            found = await _ready(session, caller, document_id)
            if found.media_type != PDF:
                raise NoPagesError(
                    "Only the pages of PDF files can be shown. Highlight the span in the text."
                )
            facts = {"page": number, "sha256": found.sha256}
            await record_on(session, caller, "DATA_ACCESS", "document.page", found, facts)
        with await original(services, found) as file:
            try:
                return await render(file, number, scale, limits)
            except NoSuchPageError as error:
                raise NotFoundError("page") from error
            except DocumentRejectedError as rejection:
                raise refusal(rejection) from rejection


async def layout(session: TenantSession, services: Services, found: Document) -> Layout:
    if found.layout_id is None:
        return NOTHING_PLACED
    return layout_of(await services.contents.json(session, found.layout_id))


async def _text(session: TenantSession, services: Services, found: Document) -> str:
    assert found.text_id is not None, "a document that is ready has a text"
    return await services.contents.text(session, found.text_id)


async def _ready(session: TenantSession, caller: Caller, document_id: UUID) -> Document:
    found = await document(session, caller, document_id)
    if found.status != "ready":
        raise NotReadyError(f"The document is {found.status}; its text is there once it is ready.")
    return found
