"""Work that must be able to end early: asked, while it goes on, whether it still may."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


async def watched(
    work: Callable[[], Coroutine[Any, Any, T]],
    must_end: Callable[[], Awaitable[T | None]],
    look_seconds: float,
) -> T | None:
    """What the work comes to; or how it must end, asked before it begins and every `look_seconds`.

    Work that must end is cancelled, amid a model call, too.
    """
    if (ending := await must_end()) is not None:
        return ending
    running = asyncio.ensure_future(work())
    try:
        while not (await asyncio.wait({running}, timeout=look_seconds))[0]:
            if (ending := await must_end()) is not None:
                return ending
        return running.result()
    finally:
        if not running.done():
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
