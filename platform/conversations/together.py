"""Events as they are put on record: those that come together are one commit.

Knows no database and no turn.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import TypeVar

Each = TypeVar("Each")


async def together(
    events: AsyncGenerator[Each, None], effect: Callable[[Each], bool]
) -> AsyncGenerator[list[Each], None]:
    """Lists of what came without anything being waited for; whoever takes a list has put the one before on record.

    What follows on an event that says `effect` isn't begun before it is taken. Raises what the events raise, after
    those that came before.
    """
    coming: asyncio.Future[Each | None] | None = None
    try:
        while True:
            came: list[Each] = []
            while True:
                if coming is None:
                    coming = asyncio.ensure_future(_next(events))
                if came and not await _is_there(coming):
                    break
                event = await coming
                coming = None
                if event is None:
                    break
                came.append(event)
                if effect(event):
                    break
            if not came:
                return
            yield came
    finally:
        if coming is not None:
            coming.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait({coming})


async def _next(events: AsyncGenerator[Each, None]) -> Each | None:
    return await anext(events, None)


async def _is_there(coming: "asyncio.Future[Each | None]") -> bool:
    """Whether it came at once; what failed is left for later."""
    await asyncio.sleep(0)
    return coming.done() and coming.exception() is None
