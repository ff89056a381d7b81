"""Search, or whole documents to a long-context model: chosen by token budget and measured cost.

Reading whole documents misses nothing, but every token of them is read; searching reads a few sentences. So whole
documents are read where the model is made for long contexts, the documents in reach are few and fit, and reading
them takes at most PATIENCE_S longer than searching would. What the turn before read whole isn't read again: the
engine goes on from what it holds of it. Both costs stand in the turn's journal either way.
"""

from collections.abc import Sequence
from typing import Literal, TypeGuard
from uuid import UUID

from secretariat.agents.conversation.core import Cost, DocumentSize, Reader, RouteChosen

MOST_DOCUMENTS = 4
PATIENCE_S = 1.0
_SHARE = 0.75  # of the context; the rest is for the conversation and the answer
_SEARCH_TOKENS = 900  # read anew by one search: three prompts behind a remembered prefix
_CHARACTERS_A_TOKEN = 3.2  # on the safe side; exact counts are asked for only where they could matter

Why = Literal[
    "no model for long contexts",
    "too many documents",
    "no documents",
    "another answer was asked for",
    "too long",
    "too slow",
    "fits",
]


def takes_whole(reader: Reader | None, long_context: int) -> TypeGuard[Reader]:
    """Whether it is a model for long contexts. `long_context`: tokens that make one."""
    return reader is not None and reader.context_length >= long_context


def by_size(reader: Reader | None, sizes: Sequence[DocumentSize], long_context: int) -> tuple[Why, int]:
    """What can be said before any text is read: the reason, and an estimate of the tokens.

    "fits" means that it may: the texts have to be counted.
    """
    tokens = round(sum(size.characters for size in sizes) / _CHARACTERS_A_TOKEN)
    if not sizes:
        return "no documents", 0
    if len(sizes) > MOST_DOCUMENTS:
        return "too many documents", tokens
    if not takes_whole(reader, long_context):
        return "no model for long contexts", tokens
    return ("fits" if tokens <= reader.context_length else "too long"), tokens


def chosen(
    reader: Reader | None,
    why: Why,
    tokens: int,
    searches: int,
    documents: Sequence[UUID] = (),
    read_before: Sequence[UUID] = (),
) -> RouteChosen:
    """`tokens` of the documents; `searches` to make; `read_before`: what the turn before read whole."""
    if reader is None:
        return RouteChosen(route="search", reason=why)
    search = _search(reader, searches)
    held = bool(documents) and tuple(documents) == tuple(read_before)
    whole = _reading(reader, 0 if held else tokens)
    if why == "fits" and tokens > _SHARE * reader.context_length:
        why = "too long"
    if why == "fits" and whole.seconds > search.seconds + PATIENCE_S:
        why = "too slow"
    return RouteChosen(
        route="whole_documents" if why == "fits" else "search",
        reason=why,
        search=search,
        whole_documents=whole,
        documents=tuple(documents) if why == "fits" else (),
    )


def _search(reader: Reader, searches: int) -> Cost:
    tokens = _SEARCH_TOKENS * searches
    if reader.search_seconds is None:
        return _reading(reader, tokens)
    return Cost(tokens=tokens, seconds=round(searches * reader.search_seconds, 3), measured=True)


def _reading(reader: Reader, tokens: int) -> Cost:
    seconds = round(tokens / reader.prefill_rate, 3)
    return Cost(tokens=tokens, seconds=seconds, measured=reader.rate_from == "measured")
