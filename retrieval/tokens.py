"""How long a text is to the model that will read it: its own tokenizer's count, or an estimate without one."""

import asyncio
import re
from collections.abc import Sequence
from typing import Protocol

from secretariat.models.client import TokenCounter
from secretariat.models.core import CallContext

PIECE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+|[^\w\s]|_")
LETTERS_PER_PIECE = 7
_AT_ONCE = 4096


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

    Never to be called in the loop's own thread, which would wait for itself.
    """

    def __init__(self, counter: TokenCounter, call: CallContext, loop: asyncio.AbstractEventLoop) -> None:
        self._counter = counter
        self._call = call
        self._loop = loop

    def count(self, texts: Sequence[str]) -> list[int]:
        return asyncio.run_coroutine_threadsafe(self._count(texts), self._loop).result()

    async def _count(self, texts: Sequence[str]) -> list[int]:
        counts: list[int] = []
        for start in range(0, len(texts), _AT_ONCE):
            counts += await self._counter.count_embedded(texts[start : start + _AT_ONCE], self._call)
        return counts


def pieces(text: str) -> int:
    return sum(1 + (len(match[0]) - 1) // LETTERS_PER_PIECE for match in PIECE.finditer(text))
