"""Several things under a budget for two: whoever waits gets a turn, and nobody's is cut short."""

import asyncio
import random
import threading
import time

import pytest

from secretariat.models.errors import ModelError
from secretariat.models.experts.pool import Pool, Turns


class Thing:
    """Four bytes of something; complains if it is closed twice or used when closed."""

    bytes = 4
    keeps = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.closed = False

    def put_away(self) -> None:
        self.close()

    def close(self) -> None:
        assert not self.closed
        self.closed = True


class House:
    def __init__(self) -> None:
        self.loads: list[str] = []
        self.most = 0
        self.alive: list[Thing] = []
        self._lock = threading.Lock()

    def load(self, name: str) -> Thing:
        time.sleep(0.001)
        with self._lock:
            thing = Thing(name)
            self.loads.append(name)
            self.alive = [other for other in self.alive if not other.closed] + [thing]
            self.most = max(self.most, len(self.alive))
        return thing


def pool_for_two(house: House, **turns: float) -> Pool[Thing]:
    return Pool(house.load, lambda _: 4, budget=8, turns=Turns(**turns))


async def test_three_hundred_requests_for_five_in_the_room_of_two():
    house = House()
    pool = pool_for_two(house, patience=20, least=0.01)
    draw = random.Random(1)
    names = [draw.choice("abcde") for _ in range(300)]

    async def ask(name: str) -> None:
        async with pool.use(name) as thing:
            assert thing.name == name
            await asyncio.sleep(0.001)
            assert not thing.closed

    await asyncio.gather(*map(ask, names))
    assert house.most <= 2
    assert len(house.loads) < 100, "requests for what is there go first: no switch for each of them"
    assert len(pool.switches) == pool.switched == len(house.loads)
    assert all(switch.seconds > 0 for switch in pool.switches)
    await pool.close()
    assert all(thing.closed for thing in house.alive)


async def test_one_that_is_always_in_use_makes_way():
    house = House()
    pool = pool_for_two(house, patience=5, least=0.02)
    stop = asyncio.Event()

    async def keep_using(name: str) -> None:
        while not stop.is_set():
            async with pool.use(name):
                await asyncio.sleep(0.005)

    crowd = [asyncio.create_task(keep_using(name)) for name in "aabb" for _ in range(2)]
    await asyncio.sleep(0.03)
    async with asyncio.timeout(2):
        async with pool.use("c") as thing:
            assert thing.name == "c"
    stop.set()
    await asyncio.gather(*crowd)
    await pool.close()


async def test_one_request_that_takes_long_is_not_cut_short_and_patience_ends():
    pool = pool_for_two(House(), patience=0.05, least=0.0)
    async with pool.use("a") as first, pool.use("b"):
        with pytest.raises(ModelError) as caught:
            async with pool.use("c"):
                pass
        assert (caught.value.code, caught.value.retryable) == ("overloaded", True)
        assert not first.closed
        async with pool.use("a") as again:  # who gave up holds up nobody
            assert again is first
    async with pool.use("c"):
        pass
    await pool.close()


async def test_who_stops_waiting_takes_nothing_along():
    pool = pool_for_two(House(), patience=5, least=0.0)
    async with pool.use("a"), pool.use("b"):
        waiting = asyncio.create_task(pool.use("c").__aenter__())
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    for name in "cde":
        async with asyncio.timeout(2):
            async with pool.use(name):
                pass
    await pool.close()


async def test_what_somebody_relies_on_stays():
    pool = pool_for_two(House(), patience=0.05)
    async with pool.use("a") as a, pool.use("b") as b:
        a.keeps = b.keeps = True
    with pytest.raises(ModelError, match="in use"):
        async with pool.use("c"):
            pass
    a.keeps = False
    async with pool.use("c"):
        assert (a.closed, b.closed) == (True, False)
    await pool.close()
