"""How long a text is to the model that will read it: its own tokenizer's count, or an estimate without one."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from secretariat.models.client import TokenCounter
from secretariat.models.core import CallContext

PIECE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+|[^\w\s]|_")
LETTERS_PER_PIECE = 7
_AT_ONCE = 4096
_LETTERS_AT_ONCE = 500_000  # in one request, whose body has its limit; a letter takes up to six bytes of it


class Tokens(Protocol):
    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each whole text, what the model frames every text with included. Raises ModelError."""
        ...


class Estimate:
    """About what a tokenizer of word pieces says: long words fall apart, each ideogram stands alone."""

    def count(self, texts: Sequence[str]) -> list[int]:
        return [pieces(text) for text in texts]


class AskedTokens:
    """The count of a model elsewhere, for work in a thread: `count` waits for what the event loop is told.

    A text too long to be sent is estimated: by then it is far too long for any chunk, whatever the count. Never to
    be called in the loop's own thread, which would wait for itself.
    """

    def __init__(self, counter: TokenCounter, call: CallContext, loop: asyncio.AbstractEventLoop) -> None:
        self._counter = counter
        self._call = call
        self._loop = loop

    def count(self, texts: Sequence[str]) -> list[int]:
        counts = {text: pieces(text) for text in texts if len(text) > _LETTERS_AT_ONCE}
        asked = [text for text in texts if text not in counts]
        told = iter(asyncio.run_coroutine_threadsafe(self._count(asked), self._loop).result())
        return [counts[text] if text in counts else next(told) for text in texts]

    async def _count(self, texts: Sequence[str]) -> list[int]:
        counts: list[int] = []
        for some in _parcels(texts):
            counts += await self._counter.count_embedded(some, self._call)
        return counts


def pieces(text: str) -> int:
    return sum(1 + (len(match[0]) - 1) // LETTERS_PER_PIECE for match in PIECE.finditer(text))


def _parcels(texts: Sequence[str]) -> Iterator[list[str]]:
    """In order, as many together as one request takes."""
    parcel: list[str] = []
    letters = 0
    for text in texts:
        if parcel and (len(parcel) == _AT_ONCE or letters + len(text) > _LETTERS_AT_ONCE):
            yield parcel
            parcel, letters = [], 0
        parcel.append(text)
        letters += len(text)
    if parcel:
        yield parcel
