"""A quote is where it says, letter for letter, or it isn't verified."""

import hashlib
from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretariat.retrieval.cite import cite, verify
from secretariat.retrieval.core import Chunk, Span

TEXT = (
    "The limit is 150 euros.\n\nHotels\n\nThe limit is 180 euros. A\u00e9roport hotels\ncost more,  always. "
    "Third parties pay. 酒店限额为两百欧元。"
)
SECOND = Span(TEXT.index("Hotels"), len(TEXT))


def _chunk(span: Span = SECOND) -> Chunk:
    return Chunk(
        uuid4(), uuid4(), uuid4(), "Travel", 0, span, span.within(TEXT), ("Hotels",), "", b"", seq=1
    )  # fmt: skip


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("180 euros", "180 euros"),
        ("  180 euros ", "180 euros"),
        ("The limit is", "The limit is"),
        ("hotels cost more, always.", "hotels\ncost more,  always."),
        ("150 euros", "150 euros"),
        ("限额", "限额"),
        ("(180", None),
    ],
)
def test_a_quote_is_found_at_exact_offsets(quote: str, found: str | None) -> None:
    citation = cite(TEXT, _chunk(), quote)
    assert citation.verified == (found is not None)
    if found:
        assert citation.span.within(TEXT) == citation.quote == found
        assert citation.quote_sha256 == hashlib.sha256(found.encode()).hexdigest()
        assert verify(citation, TEXT)


def test_the_chunk_comes_before_the_rest_of_the_document() -> None:
    assert cite(TEXT, _chunk(), "The limit is").span.start == TEXT.index("The limit is 180")
    assert cite(TEXT, _chunk(Span(0, 23)), "The limit is").span.start == 0


@pytest.mark.parametrize("quote", ["80 euros", "Third part", "otel", "190 euros", "the limit IS", "", "  "])
def test_what_does_not_stand_there_is_not_verified(quote: str) -> None:
    citation = cite(TEXT, _chunk(), quote)
    assert not citation.verified
    assert not verify(citation, TEXT)


def test_a_changed_document_a_moved_span_or_an_altered_quote_fails() -> None:
    citation = cite(TEXT, _chunk(), "180 euros")
    assert not verify(citation, TEXT.replace("180", "280"))
    assert not verify(replace(citation, span=Span(0, 9)), TEXT)
    assert not verify(replace(citation, quote="280 euros"), TEXT)
    assert not verify(replace(citation, quote_sha256="0" * 64), TEXT)
    assert not verify(replace(citation, span=Span(10_000, 10_009)), TEXT)


@given(st.data())
def test_any_run_of_words_of_the_document_is_found(data: st.DataObject) -> None:
    words = TEXT.split()
    start = data.draw(st.integers(0, len(words) - 1))
    quote = " ".join(words[start : data.draw(st.integers(start + 1, len(words)))])
    citation = cite(TEXT, _chunk(), quote)
    assert citation.verified
    assert verify(citation, TEXT)
    assert citation.quote.split() == quote.split()
