"""The words of retrieval: documents, chunks, spans, passages, and the scope every search runs in.

Knows nothing of SQL, HTTP or the model's inside.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range [start, end) of characters in the document's stored plain text."""

    start: int
    end: int

    def __post_init__(self) -> None:
        assert 0 <= self.start <= self.end, self

    def within(self, text: str) -> str:
        return text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading in the parsed text: where its text begins and its level (1 is the highest)."""

    title: str
    level: int
    start: int


@dataclass(frozen=True, slots=True)
class PageSpan:
    """A page's part of the text; its size in points (1/72 inch), 0 where the format has no pages to measure."""

    number: int
    span: Span
    width: float = 0.0
    height: float = 0.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page in points from its top left corner."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """Where a line of the text stands on its page."""

    span: Span
    page: int
    box: Box


CELLS_APART = " | "
"""Between the cells of a table's row: bars that people and models see, where tabs look like spaces to both."""


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of text that belongs together; a table's rows are lines, with CELLS_APART between the cells."""

    kind: Literal["table", "list", "code"]
    span: Span


@dataclass(frozen=True, slots=True)
class ParseNote:
    """Something the reader of a document's report should know: what was left out or guessed, and where."""

    code: str
    message: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """The plain text of a document. All spans of chunks and citations are offsets into `text`.

    `language` is an ISO 639-1 code, None where it can't be told. `dated` is when the document says it was
    written or sent. `lines` are there for formats with pages.
    """

    title: str
    text: str
    media_type: str
    sections: tuple[Section, ...] = ()
    pages: tuple[PageSpan, ...] = ()
    language: str | None = None
    dated: date | None = None
    lines: Sequence[PlacedLine] = ()
    blocks: tuple[Block, ...] = ()
    notes: tuple[ParseNote, ...] = ()


@dataclass(frozen=True, slots=True)
class ChunkDraft:
    """A chunk before it has a vector: `text` equals the document's text at `span`.

    `header` is the header row of the table whose later rows these are; it isn't part of `text`. `key` is made of
    words, headings and header alone (and of how many times they came before in the document): a document that
    is read in again has the same keys wherever it says the same. `signature` as in Chunk.
    """

    ordinal: int
    span: Span
    text: str
    heading_path: tuple[str, ...]
    sha256: str
    page: int | None = None
    key: str = ""
    header: str = ""
    signature: int | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk in the log. `vector` is unit-length float32, little-endian; `seq` grows with every write.

    `signature` (retrieval.duplicates) says which chunks are nearly the same; None when it is too short to say.
    """

    id: UUID
    collection_id: UUID
    document_id: UUID
    document_title: str
    ordinal: int
    span: Span
    text: str
    heading_path: tuple[str, ...]
    sha256: str
    vector: bytes
    seq: int
    page: int | None = None
    signature: int | None = None


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Chunk `id` is gone as of `seq`."""

    id: UUID
    seq: int


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a search runs. For whom is the Authority's to know."""

    tenant: UUID


@dataclass(frozen=True, slots=True, eq=False)
class Permit:
    """What an authority opens to a scope at one moment: by whole collections and by single documents.

    `collections` and `documents` map what is open to the grant that opens it. What is closed stays closed
    whatever opens it. `unready` documents are being read in anew, so what the index holds of them isn't
    there for anybody. `head` is the number that the chunk log had come to, where the authority knows it.

    One permit is equal to no other, so that what it comes to may be remembered by it.
    """

    collections: Mapping[UUID, UUID] = field(default_factory=dict)
    documents: Mapping[UUID, UUID] = field(default_factory=dict)
    closed_collections: frozenset[UUID] = frozenset()
    closed_documents: frozenset[UUID] = frozenset()
    unready: frozenset[UUID] = frozenset()
    head: int | None = None

    def rule(self, document_id: UUID, collection_id: UUID) -> UUID | None:
        """The grant by which the document may be read; None where it may not."""
        if document_id in self.closed_documents or collection_id in self.closed_collections:
            return None
        return self.documents.get(document_id) or self.collections.get(collection_id)


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """Which documents a search is about; None leaves a question open. Dates are the documents' own."""

    media_types: frozenset[str] | None = None
    languages: frozenset[str] | None = None
    sources: frozenset[str] | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """`rephrasings` are further ways to ask the same; all are searched and their rankings fused.

    `neighbours`: so many chunks before and behind each passage, of its section, come along to be read with it.
    """

    query: str
    limit: int = 8
    collection_ids: frozenset[UUID] | None = None
    document_ids: frozenset[UUID] | None = None
    where: DocumentFilter | None = None
    rephrasings: tuple[str, ...] = ()
    min_seq: int = 0
    neighbours: int = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A passage with the chunks around it. `text` is the document's at `span`, with line breaks for whatever white
    space lies between chunks: every word stands at its offset."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was found. `score` is the fused score; ranks are 1-based, None where a list missed it.

    `rule` is the grant by which the searcher may read it. `nearness`: the mean cosine of the question's words with
    their nearest in the chunk, None where they weren't compared. `surroundings`: where neighbours were asked for.
    """

    chunk: Chunk
    score: float
    dense_rank: int | None
    lexical_rank: int | None
    cosine: float
    rule: UUID | None = None
    nearness: float | None = None
    surroundings: Surroundings | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Passages best first. `allowed` and `denied` count the documents within and out of reach, before ranking.

    `denied` is for the record and for who manages collections: it tells others what is kept from them.
    `confidence`: the probability that the best of them answers (search/confidence.py), None for a question so long
    that it was asked by its sentences: what to make of these isn't known.
    """

    passages: tuple[Passage, ...]
    index_seq: int
    allowed: int
    denied: int
    confidence: float | None = 0.0


class ChunkLog(Protocol):
    """The durable, ordered log of chunks of one tenant; indexes are views over it.

    `seq` is unique and growing; a reader that has seen every entry up to n may ask for those above n.
    """

    async def head(self) -> int:
        """The highest sequence number committed; 0 when empty."""
        ...

    def tail(self, after: int) -> AsyncIterator[Chunk | Tombstone]:
        """Entries with seq > after, in order of seq."""
        ...


class Authority(Protocol):
    """Who may read what, asked at query time against the live grants."""

    async def permit(self, scope: Scope) -> Permit:
        """What the grants open now."""
        ...

    async def matching(self, scope: Scope, where: DocumentFilter) -> frozenset[UUID]:
        """Ids of the tenant's ready documents that the filter lets through, of those that may be read."""
        ...

    async def readable(self, scope: Scope, document_ids: Collection[UUID]) -> Mapping[UUID, UUID]:
        """Of these documents those that are ready and may be read now, each with the grant that opens it."""
        ...


@dataclass(frozen=True, slots=True)
class DocumentText:
    """`rule` is the grant by which it may be read."""

    title: str
    text: str
    rule: UUID


class DocumentTexts(Protocol):
    """The stored plain text of documents, for citations and reading."""

    async def text(self, scope: Scope, document_id: UUID) -> DocumentText:
        """Raises DocumentNotFoundError when it doesn't exist or may not be read."""
        ...


class Searcher(Protocol):
    async def search(self, scope: Scope, request: SearchRequest) -> SearchResult: ...
