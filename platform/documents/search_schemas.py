"""What a search and its passages look like on the wire."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from secretariat.platform.documents.layout import NOTHING_PLACED, Layout
from secretariat.platform.documents.reading_schemas import PageBox
from secretariat.platform.documents.schemas import Closed
from secretariat.retrieval.core import DocumentFilter, SearchRequest, SearchResult
from secretariat.retrieval.core import Passage as FoundPassage
from secretariat.retrieval.core import Surroundings as Around
from secretariat.retrieval.search.confidence import FOUND_FROM

_Values = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=50)]


class SearchFilter(Closed):
    """Which documents a search is about; what is left out stays open. Dates are the documents' own."""

    media_types: _Values | None = None
    languages: _Values | None = None
    sources: _Values | None = None
    since: date | None = None
    until: date | None = None

    def filter(self) -> DocumentFilter:
        return DocumentFilter(
            media_types=_set(self.media_types),
            languages=_set(self.languages),
            sources=_set(self.sources),
            since=self.since,
            until=self.until,
        )


class SearchQuery(Closed):
    query: str = Field(min_length=1, max_length=4000)
    limit: int = Field(default=8, ge=1, le=50)
    collection_ids: list[UUID] | None = Field(default=None, max_length=100)
    document_ids: list[UUID] | None = Field(default=None, max_length=100)
    where: SearchFilter | None = None
    rephrasings: list[Annotated[str, Field(min_length=1, max_length=4000)]] = Field(
        default=[], max_length=5, description="Further ways to ask the same; all rankings are fused."
    )
    neighbours: int = Field(
        default=0,
        ge=0,
        le=4,
        description="Chunks of its section before and behind each passage, to be read with it.",
    )
    boxes: bool = Field(default=False, description="Give the places of the lines on their pages too.")
    min_seq: int = Field(
        default=0,
        ge=0,
        description="Refuse unless the index has got this far. For who manages collections: everybody's searches"
        " see what was committed before them.",
    )

    def request(self, *, tells_all: bool) -> SearchRequest:
        return SearchRequest(
            query=self.query,
            limit=self.limit,
            collection_ids=frozenset(self.collection_ids) if self.collection_ids is not None else None,
            document_ids=frozenset(self.document_ids) if self.document_ids is not None else None,
            where=self.where.filter() if self.where is not None else None,
            rephrasings=tuple(self.rephrasings),
            min_seq=self.min_seq if tells_all else 0,
            neighbours=self.neighbours,
        )


class Surroundings(BaseModel):
    """The document from `start` to `end`, a passage and its neighbours, with line breaks between them."""

    start: int
    end: int
    text: str

    @classmethod
    def of(cls, found: Around) -> "Surroundings":
        return cls(start=found.span.start, end=found.span.end, text=found.text)


class Passage(BaseModel):
    """`rule` is the grant that lets the caller read it; `boxes` and `surroundings` are filled where asked for."""

    chunk_id: UUID
    document_id: UUID
    collection_id: UUID
    document: str
    start: int
    end: int
    text: str
    heading_path: list[str]
    page: int | None
    boxes: list[PageBox]
    score: float
    rule: UUID | None
    surroundings: Surroundings | None

    @classmethod
    def of(cls, found: FoundPassage, layout: Layout) -> "Passage":
        chunk = found.chunk
        return cls(
            chunk_id=chunk.id,
            document_id=chunk.document_id,
            collection_id=chunk.collection_id,
            document=chunk.document_title,
            start=chunk.span.start,
            end=chunk.span.end,
            text=chunk.text,
            heading_path=list(chunk.heading_path),
            page=chunk.page,
            boxes=PageBox.all_of(layout, chunk.span.start, chunk.span.end),
            score=found.score,
            rule=found.rule,
            surroundings=Surroundings.of(found.surroundings) if found.surroundings else None,
        )


class Passages(BaseModel):
    """Best first. `allowed` counts the documents within the caller's reach.

    `denied` counts those out of it and `index_seq` says how far the index was: for who manages collections. Others
    are told 0, because the numbers would tell what is kept from them.

    `confidence` is the probability that the first passage answers; `found` is false where that is so low that
    the nearest passages should be shown as such, not as an answer. Both are null for a question of several hundred
    words.
    """

    passages: list[Passage]
    index_seq: int
    allowed: int
    denied: int
    confidence: float | None
    found: bool | None

    @classmethod
    def of(cls, result: SearchResult, layouts: Mapping[UUID, Layout], *, tells_all: bool) -> "Passages":
        return cls(
            passages=[
                Passage.of(passage, layouts.get(passage.chunk.document_id, NOTHING_PLACED))
                for passage in result.passages
            ],
            index_seq=result.index_seq if tells_all else 0,
            allowed=result.allowed,
            denied=result.denied if tells_all else 0,
            confidence=result.confidence,
            found=result.confidence >= FOUND_FROM if result.confidence is not None else None,
        )


def _set(values: list[str] | None) -> frozenset[str] | None:
    return frozenset(values) if values is not None else None
