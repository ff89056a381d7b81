"""Where a quote stands in a document's stored text, and its hash. Knows no model and no search."""

import hashlib
import re
from collections.abc import Iterator

from secretariat.retrieval.core import Span

_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def locate(text: str, quote: str, first: Span) -> Span | None:
    """The span of `quote` in `text`, looked for inside `first` before everywhere; None where it stands nowhere.

    An exact match wins over one that differs in white space alone; words are never cut in half.
    """
    words = quote.split()
    if not words:
        return None
    exact = re.compile(re.escape(quote.strip()))
    folded = re.compile(r"\s+".join(map(re.escape, words)))
    everywhere = Span(0, len(text))
    for pattern, within in ((exact, first), (folded, first), (exact, everywhere), (folded, everywhere)):
        for span in _matches(pattern, text, within):
            if _on_word_edges(text, span):
                return span
    return None


def quote_sha256(quote: str) -> str:
    return hashlib.sha256(quote.encode()).hexdigest()


def _matches(pattern: re.Pattern[str], text: str, within: Span) -> Iterator[Span]:
    start = within.start
    while match := pattern.search(text, start, within.end):
        yield Span(match.start(), match.end())
        start = match.start() + 1


def _on_word_edges(text: str, span: Span) -> bool:
    """Does the span begin and end where words do? "5" is no quote out of "150", nor "art" out of "party"."""
    return not (_inside_word(text, span.start) or _inside_word(text, span.end))


def _inside_word(text: str, at: int) -> bool:
    if at in {0, len(text)}:
        return False
    before, after = text[at - 1], text[at]
    if _IDEOGRAPH.match(before) or _IDEOGRAPH.match(after):
        return False
    return before.isalnum() and after.isalnum()
