"""What a document's text, chunks, quotes and report look like on the wire. Offsets are those of the text."""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from secretariat.platform.documents.layout import Layout, PlacedBox
from secretariat.platform.documents.schemas import DocumentStatus
from secretariat.platform.tables.documents import ChunkRow
from secretariat.platform.web.errors import Problem
from secretariat.retrieval.core import Span


class PageSpan(BaseModel):
    """Page `number` is the characters [start, end) of the text. Sizes are in points, where there are any."""

    number: int
    start: int
    end: int
    width: float | None = None
    height: float | None = None

    @classmethod
    def of(cls, page: dict[str, Any], layout: Layout) -> "PageSpan":
        width, height = layout.sizes.get(page["number"], (None, None))
        return cls(number=page["number"], start=page["start"], end=page["end"], width=width, height=height)


class DocumentText(BaseModel):
    title: str
    text: str
    pages: list[PageSpan]


class PageBox(BaseModel):
    """A line of the text on its page: points (1/72 inch) from the page's top left corner."""

    page: int
    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of(cls, placed: PlacedBox) -> "PageBox":
        box = placed.box
        return cls(page=placed.page, left=box.left, top=box.top, right=box.right, bottom=box.bottom)

    @classmethod
    def all_of(cls, layout: Layout, start: int, end: int) -> list["PageBox"]:
        return [cls.of(placed) for placed in layout.boxes(Span(start, end))]


class Chunk(BaseModel):
    """`text` is the document's text at [start, end); `boxes` are its lines where the format has pages."""

    id: UUID
    ordinal: int
    start: int
    end: int
    text: str
    heading_path: list[str]
    page: int | None
    boxes: list[PageBox]
    sha256: str

    @classmethod
    def of(cls, row: ChunkRow, text: str, heading_path: list[str], layout: Layout) -> "Chunk":
        return cls(
            id=row.id,
            ordinal=row.ordinal,
            start=row.start,
            end=row.end,
            text=text,
            heading_path=heading_path,
            page=row.page,
            boxes=PageBox.all_of(layout, row.start, row.end),
            sha256=hashlib.sha256(text.encode()).hexdigest(),
        )


class QuotedPage(BaseModel):
    """A page that the quote stands on; `boxes` are the lines that it touches, whole."""

    number: int
    width: float
    height: float
    boxes: list[PageBox]


class Quote(BaseModel):
    """What the document says at [start, end), and where. `verified` compares it with the hash that was sent.

    `pages` is empty for formats without pages: highlight the span in the text.
    """

    document_id: UUID
    title: str
    start: int
    end: int
    text: str
    sha256: str
    verified: bool | None
    page: int | None
    pages: list[QuotedPage]

    @classmethod
    def pages_of(cls, layout: Layout, boxes: Sequence[PlacedBox]) -> list[QuotedPage]:
        pages = []
        for number in dict.fromkeys(placed.page for placed in boxes):
            width, height = layout.sizes.get(number, (0.0, 0.0))
            mine = [PageBox.of(placed) for placed in boxes if placed.page == number]
            pages.append(QuotedPage(number=number, width=width, height=height, boxes=mine))
        return pages


class Note(BaseModel):
    """Something that reading the file left out or guessed."""

    code: str
    message: str
    page: int | None = None


class Reading(BaseModel):
    """The last time that the file was read in; chunks that say the same as before are kept with their ids."""

    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    kept: int | None
    added: int | None
    removed: int | None


class NearDuplicate(BaseModel):
    """Another document that the reader may read. `share` of this one's chunks stand there nearly the same."""

    document_id: UUID
    title: str
    share: float


class Report(BaseModel):
    """What became of the file when it was read in."""

    document_id: UUID
    status: DocumentStatus
    problem: Problem | None
    media_type: str
    bytes: int
    page_count: int
    characters: int | None
    language: str | None
    dated: date | None
    chunks: int
    tables: int
    notes: list[Note]
    ocr_pages: list[int] = Field(description="Pages whose text was recognised from an image.")
    reading: Reading | None
    near_duplicates: list[NearDuplicate]
