"""A quote is found where it stands, whole words of it, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretariat.retrieval.cite import locate
from secretariat.retrieval.core import Span

TEXT = (
    "The limit is 150 euros.\n\nHotels\n\nThe limit is 180 euros. A\u00e9roport hotels\ncost more,  always. "
    "Third parties pay. 酒店限额为两百欧元。"
)
SECOND = Span(TEXT.index("Hotels"), len(TEXT))


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("180 euros", "180 euros"),
        ("  180 euros ", "180 euros"),
        ("The limit is", "The limit is"),
        ("hotels cost more, always.", "hotels\ncost more,  always."),
        ("150 euros", "150 euros"),
        ("限额", "限额"),
    ],
)
def test_a_quote_is_found_at_exact_offsets(quote: str, found: str) -> None:
    span = locate(TEXT, quote, SECOND)
    assert span is not None
    assert span.within(TEXT) == found


def test_the_place_that_is_named_comes_before_the_rest_of_the_document() -> None:
    second = TEXT.index("The limit is 180")
    assert locate(TEXT, "The limit is", SECOND) == Span(second, second + len("The limit is"))
    assert locate(TEXT, "The limit is", Span(0, 23)) == Span(0, 12)


@pytest.mark.parametrize(
    "quote", ["80 euros", "Third part", "otel", "190 euros", "the limit IS", "(180", "", "  "]
)
def test_what_does_not_stand_there_is_not_found(quote: str) -> None:
    assert locate(TEXT, quote, SECOND) is None


@given(st.data())
def test_any_run_of_words_of_the_document_is_found(data: st.DataObject) -> None:
    words = TEXT.split()
    start = data.draw(st.integers(0, len(words) - 1))
    quote = " ".join(words[start : data.draw(st.integers(start + 1, len(words)))])
    span = locate(TEXT, quote, SECOND)
    assert span is not None
    assert span.within(TEXT).split() == quote.split()
