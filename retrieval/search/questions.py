"""What is asked of the index for one request: the question, its rephrasings, the sentences of a long one.

A question longer than the encoder's window is cut off by it, and its words are many things at once: each of its
sentences is asked as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from secretariat.retrieval.core import SearchRequest, Span
from secretariat.retrieval.sentences import sentences
from secretariat.retrieval.split import MAX_PIECES
from secretariat.retrieval.tokens import PIECE, pieces

_MOST_PARTS = 64
_FEWEST_WORDS = 4
"""An ideograph counts as one."""


@dataclass(frozen=True, slots=True)
class Questions:
    """`whole` ask the same in different words, the searcher's own first; `parts` ask some of it each."""

    whole: tuple[str, ...]
    parts: tuple[str, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        return self.whole + self.parts


def questions_of(request: SearchRequest) -> Questions:
    asked = (request.query, *request.rephrasings)
    whole = tuple(dict.fromkeys(text for text in asked if text.strip()))
    return Questions(whole, tuple(_parts(request.query)))


def _parts(query: str) -> Sequence[str]:
    """The sentences of a question that is too long for the encoder, without scraps such as greetings."""
    if pieces(query) <= MAX_PIECES:
        return ()
    found = (span.within(query) for span in sentences(query, Span(0, len(query))))
    return [*dict.fromkeys(text for text in found if _words(text) >= _FEWEST_WORDS)][:_MOST_PARTS]


def _words(text: str) -> int:
    return sum(piece[0][0].isalnum() for piece in PIECE.finditer(text))
