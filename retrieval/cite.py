"""A quote and the place it stands at: found in the stored text, hashed, compared again when asked.

A citation is verified when the document's text at its span is its quote. Knows no model and no search.
"""

import hashlib
import re
from collections.abc import Iterator

from secretariat.retrieval.core import Chunk, Citation, Span

_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def cite(document_text: str, chunk: Chunk, quote: str) -> Citation:
    """Where `quote` stands: in the chunk if it is there, else anywhere in the document.

    An exact match wins over one that differs in white space alone; words are never cut in half. The
    citation's quote is the document's own text at the span. A quote that stands nowhere gives a citation
    that isn't verified, with an empty span at the chunk's start.
    """
    span = locate(document_text, quote, chunk.span)
    if span is None:
        return _citation(chunk, Span(chunk.span.start, chunk.span.start), quote, verified=False)
    return _citation(chunk, span, span.within(document_text), verified=True)


def locate(text: str, quote: str, first: Span) -> Span | None:
    """The span of `quote` in `text`, looked for inside `first` before everywhere."""
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


def verify(citation: Citation, document_text: str) -> bool:
    """Is the quote, by its hash and letter for letter, what the document holds at the span?"""
    found = citation.span.within(document_text)
    return bool(found) and found == citation.quote and quote_sha256(found) == citation.quote_sha256


def quote_sha256(quote: str) -> str:
    return hashlib.sha256(quote.encode()).hexdigest()


def _citation(chunk: Chunk, span: Span, quote: str, *, verified: bool) -> Citation:
    return Citation(
        document_id=chunk.document_id,
        document_title=chunk.document_title,
        chunk_id=chunk.id,
        span=span,
        quote=quote,
        quote_sha256=quote_sha256(quote),
        verified=verified,
    )


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
