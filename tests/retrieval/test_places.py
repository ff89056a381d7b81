"""Lines on their way from the child: what was packed is what is looked at, and nothing else is taken for lines."""

from array import array

import pytest

from secretariat.retrieval.core import Box, PlacedLine, Span
from secretariat.retrieval.parse.places import PlacedLines, pack

LINES = array("d", [0, 5, 1, 72.04, 10.0, 200.55, 21.96, 6, 9, 2, -3.0, 0.0, 1e7, 30.0])


def test_lines_come_back_to_a_tenth_of_a_point() -> None:
    lines = PlacedLines(pack(LINES), 9)
    assert list(lines) == [
        PlacedLine(Span(0, 5), 1, Box(72.0, 10.0, 200.6, 22.0)),
        PlacedLine(Span(6, 9), 2, Box(-3.0, 0.0, 1e7, 30.0)),
    ]
    assert lines[-1].page == 2
    assert lines[:1] == (lines[0],)
    assert len(PlacedLines(b"", 0)) == 0


@pytest.mark.parametrize(
    "packed",
    [
        b"x" * 27,
        pack(array("d", [0, 10, 1, 0, 0, 0, 0])),
        pack(array("d", [5, 4, 1, 0, 0, 0, 0])),
        pack(array("d", [-1, 4, 1, 0, 0, 0, 0])),
        pack(array("d", [4, 6, 1, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0])),
    ],
)
def test_what_can_t_be_lines_of_the_text_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match=r"span|size|shape"):
        PlacedLines(packed, 9)
