"""What comes together is put on record together; nothing with an effect begins before its record."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from secretariat.platform.conversations.together import together

done: list[str] = []


async def life(*, fails: bool = False) -> AsyncGenerator[str, None]:
    yield "asked"
    yield "planned"
    await asyncio.sleep(0.01)
    done.append("looked")
    yield "found"
    yield "prompt"
    done.append("model")
    yield "answer"
    if fails:
        raise ValueError
    await asyncio.sleep(60)
    yield "never"


async def test_events_that_come_at_once_are_one_list_and_the_model_waits_for_its_prompts_record():
    done.clear()
    lists = together(life(fails=True), lambda event: event == "prompt")
    assert await anext(lists) == ["asked", "planned"]
    await asyncio.sleep(0.05)  # the search may go on while they are written
    assert await anext(lists) == ["found", "prompt"]
    await asyncio.sleep(0.05)
    assert done == ["looked"]
    assert await anext(lists) == ["answer"]
    with pytest.raises(ValueError, match=r"^$"):
        await anext(lists)


async def test_whoever_takes_no_more_leaves_nothing_running():
    events = life()
    lists = together(events, lambda event: event == "prompt")
    for _ in range(3):
        await anext(lists)
    await asyncio.sleep(0)
    await lists.aclose()
    await events.aclose()
    assert not [task for task in asyncio.all_tasks() if "_next" in repr(task)]
