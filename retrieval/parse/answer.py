"""Has a confined child do an errand and hears its answer: no longer and no more of it than allowed.

Owns the answer's pipe and the clock. Knows nothing of what is said over the pipe.
"""

import asyncio
import os
from collections.abc import Sequence

from secretariat.retrieval.parse import nursery
from secretariat.retrieval.parse.confine import MORE_TIME
from secretariat.retrieval.parse.limits import ParseLimits


class EndlessAnswerError(Exception):
    """The child said more than it may."""


async def answer(
    document: int, errand: Sequence[str | float], limits: ParseLimits, most_bytes: int
) -> tuple[bytearray, int]:
    """What the child wrote about the open file `document`, and how it ended (negative: by that signal).

    `errand` is a name in zygote.ERRANDS and its arguments. Raises TimeoutError, EndlessAnswerError,
    ParsingUnavailableError.
    """
    birth = await nursery.NURSERY.bear(document, errand, limits)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(limits.wall_s) as clock:
            heard = _Heard(loop.create_future(), limits, clock, most_bytes)
            transport, _ = await loop.connect_read_pipe(
                lambda: heard, os.fdopen(birth.answer, "rb", buffering=0)
            )
            try:
                await heard.whole
            finally:
                transport.close()
            return heard.said, await birth.status()
    except ConnectionError:  # the zygote died, and its children with it: that says nothing about the document
        raise nursery.ParsingUnavailableError("The process that reads documents ended.") from None
    finally:
        birth.end()


class _Heard(asyncio.Protocol):
    def __init__(
        self, whole: "asyncio.Future[None]", limits: ParseLimits, clock: asyncio.Timeout, most_bytes: int
    ) -> None:
        self.whole = whole
        self.said = bytearray()
        self._limits = limits
        self._clock = clock
        self._most = most_bytes
        self._granted = False

    def data_received(self, data: bytes) -> None:
        if not self.said and not self._granted and data.startswith(MORE_TIME):
            self._granted = True
            self._clock.reschedule((self._clock.when() or 0.0) + self._limits.ocr_s)
            data = data[len(MORE_TIME) :]
        self.said += data
        if len(self.said) > self._most and not self.whole.done():
            self.whole.set_exception(EndlessAnswerError())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - all there is has been heard
        if not self.whole.done():
            self.whole.set_result(None)
