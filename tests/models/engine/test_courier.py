"""From a thread to an event loop: nothing lost, nothing late, in order, and few wake-ups under load."""

import asyncio
import threading

import pytest

from secretariat.models.core import Citation, Usage
from secretariat.models.engine.courier import Courier, Inbox
from secretariat.models.engine.events import Drawn, Emission
from secretariat.models.errors import ModelError

BROKEN = ModelError("engine_failed", "broken")


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_what_waits_for_its_reader_comes_as_one():
    inbox = Inbox()
    citation = Citation(0, 1, "a", ("1",))
    inbox.put(Emission("a", (Drawn(b"a", -1.0),)))
    inbox.put(Emission("b", (Drawn(b"b", -2.0),), citations=(citation,)))
    inbox.put(Emission("c", (), "length", Usage(1, 3)))
    (only,) = await inbox.take()
    assert only == Emission("abc", (Drawn(b"a", -1.0), Drawn(b"b", -2.0)), "length", Usage(1, 3), (citation,))


async def test_a_reader_that_waits_gets_each_at_once():
    inbox = Inbox()
    for text in "ab":
        reading = asyncio.ensure_future(inbox.take())
        await settle()
        inbox.put(Emission(text))
        assert await reading == [Emission(text)]


async def test_text_comes_before_the_error_that_ends_it():
    inbox = Inbox()
    for event in (Emission("a"), Emission("b"), BROKEN):
        inbox.put(event)
    assert await inbox.take() == [Emission("ab"), BROKEN]
    inbox.put(BROKEN)
    assert await inbox.take() == [BROKEN]


async def test_a_step_wakes_the_loop_once(monkeypatch: pytest.MonkeyPatch):
    loop, calls = asyncio.get_running_loop(), 0
    waking = loop.call_soon_threadsafe

    def counted(*arguments):
        nonlocal calls
        calls += 1
        return waking(*arguments)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    courier, inboxes = Courier(loop), [Inbox() for _ in range(16)]
    for step in range(2):
        for inbox in inboxes:
            courier.post(inbox, Emission(str(step)))
        assert calls == step + 1
        assert [await inbox.take() for inbox in inboxes] == [[Emission(str(step))]] * 16


async def test_nothing_is_lost_between_two_threads():
    courier, inboxes, count = Courier(asyncio.get_running_loop()), [Inbox(), Inbox()], 5000

    def engine() -> None:
        for number in range(count):
            for inbox in inboxes:
                courier.post(inbox, Emission(f"{number} "))

    thread = threading.Thread(target=engine)
    thread.start()
    for inbox in inboxes:
        text = ""
        while text.count(" ") < count:
            text += "".join([event.text for event in await inbox.take() if isinstance(event, Emission)])
        assert text == "".join(f"{number} " for number in range(count))
    thread.join()


def test_a_loop_that_has_ended_hears_nothing():
    loop = asyncio.new_event_loop()
    courier = Courier(loop)
    loop.close()
    courier.post(Inbox(), Emission("a"))
