"""What a listener hears: each event once, in order, from wherever it left off."""

import asyncio
import json
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from secretariat.platform.services import Services
from secretariat.platform.tasks.policies import Sight
from secretariat.platform.tasks.stream import HEARTBEAT, STREAMS_EACH, TaskJournal, watch
from tests.platform.tasks.steps import EVENTS, carry_out, give, journal_of, read, scripted
from tests.support.factories import Person, make_person
from tests.support.model_server_double import listening


def events_in(text: str) -> list[dict[str, str]]:
    """Events of a server-sent stream; comments and `retry` are left out."""
    events = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line and not line.startswith(":"))
        if "data" in fields:
            events.append(fields)
    return events


async def hear(
    person: Person, task_id: str, after: int | None = None, seen: str | None = None
) -> httpx.Response:
    return await person.client.get(
        f"/api/v1/tasks/{task_id}/events",
        params={} if after is None else {"after": after},
        headers={"accept": "text/event-stream"} | ({} if seen is None else {"Last-Event-ID": seen}),
    )


async def test_the_whole_journal_is_heard(services: Services, owner: Person) -> None:
    given = await give(owner)
    await carry_out(services, owner, given["id"])
    answer = await hear(owner, given["id"])
    assert answer.headers["content-type"].startswith("text/event-stream")
    heard = events_in(answer.text)
    assert [event["id"] for event in heard] == [str(n) for n in range(1, len(EVENTS) + 1)]
    for event, original in zip(heard, EVENTS, strict=True):
        data = json.loads(event["data"])
        assert event["event"] == data["type"] == original.type
        assert data["payload"] == original.model_dump(mode="json")
        assert data["seq"] == int(event["id"])
        assert data["at"].endswith("Z")


@pytest.mark.parametrize("seen", [0, 1, 7, len(EVENTS) - 1, len(EVENTS)])
async def test_who_comes_back_hears_exactly_the_rest(services: Services, owner: Person, seen: int) -> None:
    given = await give(owner)
    await carry_out(services, owner, given["id"])
    whole = (await hear(owner, given["id"])).text
    by_header = await hear(owner, given["id"], seen=str(seen))
    by_query = await hear(owner, given["id"], after=seen)
    assert events_in(by_header.text) == events_in(by_query.text) == events_in(whole)[seen:]


async def test_nonsense_in_the_header_hears_all(services: Services, owner: Person) -> None:
    given = await give(owner)
    await carry_out(services, owner, given["id"])
    for nonsense in ("-1", "x", "1e3", "9" * 40, "9" * 5000):
        answer = await hear(owner, given["id"], seen=nonsense)
        assert answer.status_code == 200
        assert len(events_in(answer.text)) == (0 if nonsense.startswith("9") else len(EVENTS))


async def test_no_number_is_too_large_to_be_refused(owner: Person) -> None:
    given = await give(owner)
    for after in (2**62 + 1, 2**70, 10**100):
        assert (await hear(owner, given["id"], after=after)).status_code == 422


async def test_nobody_listens_more_often_than_ten_times(
    app: FastAPI, services: Services, owner: Person
) -> None:
    other = await make_person(app, services, owner.tenant, "owner")
    given = await give(owner)
    streams = [asyncio.ensure_future(hear(owner, given["id"])) for _ in range(STREAMS_EACH)]
    await asyncio.sleep(0.5)
    refused = await hear(owner, given["id"])
    assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_REQUESTS")
    assert refused.headers["retry-after"]
    assert await journal_of(owner, given["id"]) == []
    streams.append(asyncio.ensure_future(hear(other, given["id"])))
    await asyncio.sleep(0.2)
    await owner.client.post(f"/api/v1/tasks/{given['id']}/cancel")
    assert {answer.status_code for answer in await asyncio.gather(*streams)} == {200}
    assert (await hear(owner, given["id"])).status_code == 200


async def test_events_are_heard_while_they_happen(app: FastAPI, services: Services, owner: Person) -> None:
    given = await give(owner)
    heard: list[int] = []
    lags: list[bool] = []

    async def wait_until_heard(number: int, _context: object) -> None:
        async with asyncio.timeout(10):
            while len(heard) < number - 1:
                await asyncio.sleep(0.01)
        lags.append(True)

    async with (
        listening(app) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        cookie = "; ".join(f"{c.name}={c.value}" for c in owner.client.cookies.jar)
        async with client.stream(
            "GET", f"/api/v1/tasks/{given['id']}/events", headers={"cookie": cookie}
        ) as answer:
            assert answer.status_code == 200
            work = asyncio.ensure_future(
                carry_out(
                    services, owner, given["id"], scripted(EVENTS[:3] + EVENTS[-1:], before=wait_until_heard)
                )
            )
            async for line in answer.aiter_lines():
                if line.startswith("id: "):
                    heard.append(int(line.removeprefix("id: ")))  # noqa: PERF401 - one by one, as they come
            await work
    assert heard == [1, 2, 3, 4]
    assert len(lags) == 4


async def test_silence_is_filled_and_rights_are_asked_again(services: Services, owner: Person) -> None:
    given = await give(owner)
    sight = Sight(words=True, principals=frozenset())
    answers = [sight, sight, None]

    async def look_again() -> Sight | None:
        return answers.pop(0)

    said = [
        piece
        async for piece in watch(
            TaskJournal(services, owner.tenant.id, UUID(given["id"])), 0, sight, look_again,
            look_seconds=0.02, heartbeat_seconds=0.05, permission_seconds=0.2,
        )
    ]  # fmt: skip
    assert answers == []
    assert said.count(HEARTBEAT) >= 3
    assert events_in("".join(said)) == []


async def test_a_stream_ends_with_the_session(app: FastAPI, services: Services, owner: Person) -> None:
    given = await give(owner)
    listening_ = asyncio.ensure_future(hear(owner, given["id"]))
    await asyncio.sleep(0.3)
    assert (await owner.client.delete("/api/v1/session")).status_code in (200, 204)
    async with asyncio.timeout(10):
        answer = await listening_
    assert events_in(answer.text) == []
    assert (await hear(owner, given["id"])).status_code == 401


async def test_a_list_is_given_to_who_asks_for_json(services: Services, owner: Person) -> None:
    given = await give(owner)
    await carry_out(services, owner, given["id"])
    answer = await owner.client.get(
        f"/api/v1/tasks/{given['id']}/events",
        params={"after": 2, "limit": 3},
        headers={"accept": "application/json"},
    )
    page = answer.json()
    assert [event["seq"] for event in page["data"]] == [3, 4, 5]
    assert (page["first_id"], page["last_id"], page["has_more"]) == (3, 5, True)
    assert (await read(owner, given["id"]))["status"] == "completed"
