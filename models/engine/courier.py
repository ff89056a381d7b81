"""From the engine's thread to an event loop: one wake-up for all that a step says, however many it tells.

Knows no requests and no model.
"""

import asyncio
import contextlib
from collections import deque

from secretariat.models.engine.events import Emission, joined
from secretariat.models.errors import ModelError

Event = Emission | ModelError


class Inbox:
    """What has come for one request and wasn't taken yet. Of its event loop alone."""

    def __init__(self) -> None:
        self._came: list[Event] = []
        self._some = asyncio.Event()

    def put(self, event: Event) -> None:
        self._came.append(event)
        self._some.set()

    async def take(self) -> list[Event]:
        """All that came, at least one event; emissions that waited for their reader come as one."""
        await self._some.wait()
        self._some.clear()
        came, self._came = self._came, []
        emissions = [event for event in came if isinstance(event, Emission)]
        return [joined(emissions), *came[len(emissions) :]] if emissions else came


class Courier:
    """Carries events to the inboxes of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._posted: deque[tuple[Inbox, Event]] = deque()
        self._called = False

    def post(self, inbox: Inbox, event: Event) -> None:
        """Any thread. While the loop hasn't answered one call, no other is made."""
        self._posted.append((inbox, event))
        if not self._called:
            self._called = True
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is left to tell
                self._loop.call_soon_threadsafe(self._hand_out)

    def _hand_out(self) -> None:
        self._called = False  # first: whatever is posted from now on calls again
        while self._posted:
            inbox, event = self._posted.popleft()
            inbox.put(event)
