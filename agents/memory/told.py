"""The sentences of what somebody said that are worth remembering: those that tell something."""

from secretariat.agents.conversation.kind import asks, kind_of
from secretariat.retrieval.core import Span
from secretariat.retrieval.sentences import sentences

MOST = 64
_LEAST_WORDS = 3
_LONGEST = 600


def told(text: str) -> list[Span]:
    """Not what asks and not small talk; at most 64 sentences, each cut at 600 characters."""
    spans = (span for span in sentences(text, Span(0, len(text))) if _tells(span.within(text)))
    return [Span(span.start, min(span.end, span.start + _LONGEST)) for span in spans][:MOST]


def _tells(sentence: str) -> bool:
    if len(sentence.split()) < _LEAST_WORDS or asks(sentence):
        return False
    return kind_of(sentence) == "telling"
