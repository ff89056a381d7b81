"""Several models under one budget: loaded when asked for, put away for others, never while in use."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from secretariat.models.core import CallContext
from secretariat.models.engine.embedding import LocalEmbedder
from secretariat.models.errors import ModelError
from secretariat.models.serving.listing import Listing, listings
from secretariat.models.serving.metrics import exposition
from secretariat.models.serving.shelf import Shelf
from tests.models.engine.toy import random_network, toy_chat
from tests.models.serving.toy_server import LetterCounts

BUDGET = 10


class Storehouse:
    """Loads embedders of four bytes each, counts, and waits when told to."""

    def __init__(self) -> None:
        self.loaded: list[str] = []
        self.open = threading.Event()
        self.open.set()

    def load(self, listing: Listing) -> LocalEmbedder:
        assert self.open.wait(10)
        if listing.name == "broken":
            raise ModelError("checkpoint_invalid", "it is broken")
        if listing.name == "crash":
            raise RuntimeError("a bug")
        self.loaded.append(listing.name)
        return LocalEmbedder(LetterCounts(), listing.bytes)


@contextlib.asynccontextmanager
async def new_shelf(house: Storehouse, budget: int | None = BUDGET) -> AsyncIterator[Shelf]:
    sizes = {"a": 4, "b": 4, "c": 4, "large": 11, "broken": 1, "crash": 1}
    listed = {name: Listing(name, "embedding", Path(), size) for name, size in sizes.items()}
    shelf = Shelf(listed, house.load, chat="a", embedder="a", budget=budget)
    shelf.start()
    try:
        yield shelf
    finally:
        house.open.set()
        await shelf.close()


async def use(shelf: Shelf, name: str) -> None:
    async with shelf.embedder(name) as model:
        await model.embed(["x"], CallContext("t", "r"))


def loaded(shelf: Shelf) -> set[str]:
    return {card.name for card in shelf.cards() if card.loaded}


async def test_the_least_recently_used_makes_room():
    async with new_shelf(Storehouse()) as shelf:
        for name in ("a", "b", "a", "c"):
            await use(shelf, name)
        assert loaded(shelf) == {"a", "c"}
        await use(shelf, "b")
        assert loaded(shelf) == {"b", "c"}


async def test_one_in_use_stays_and_then_the_other_waits_for_another_time():
    async with new_shelf(Storehouse()) as shelf:
        async with shelf.embedder("a"), shelf.embedder("b"):
            with pytest.raises(ModelError) as caught:
                await use(shelf, "c")
            assert (caught.value.code, caught.value.retryable) == ("overloaded", True)
            assert loaded(shelf) == {"a", "b"}
        await use(shelf, "c")
        assert "c" in loaded(shelf)


async def test_requests_for_a_loading_model_wait_for_one_load():
    house = Storehouse()
    async with new_shelf(house) as shelf:
        await use(shelf, "a")
        house.open.clear()
        waiting = [asyncio.create_task(use(shelf, "b")) for _ in range(5)]
        await asyncio.sleep(0.05)
        waiting[0].cancel()
        assert not any(task.done() for task in waiting[1:])
        await use(shelf, "a")  # the others go on
        house.open.set()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert results[1:] == [None] * 4
        assert house.loaded == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("nothing", "model_not_found"),
        ("broken", "checkpoint_invalid"),
        ("crash", "checkpoint_invalid"),
        ("large", "invalid_request"),
    ],
)
async def test_what_cannot_be_had_is_said_and_harms_no_other(name: str, code: str):
    async with new_shelf(Storehouse()) as shelf:
        for _ in range(2):
            with pytest.raises(ModelError) as caught:
                await use(shelf, name)
            assert caught.value.code == code
        await use(shelf, "b")


async def test_a_name_of_another_kind_is_no_such_model():
    async with new_shelf(Storehouse()) as shelf:
        with pytest.raises(ModelError, match="embedding"):
            async with shelf.chat("b"):
                pass


async def test_it_is_loading_then_ready_and_says_why_not():
    house = Storehouse()
    house.open.clear()
    async with new_shelf(house) as shelf:
        with pytest.raises(ModelError) as caught:
            shelf.check()
        assert (caught.value.code, caught.value.retryable) == ("unreachable", True)
        house.open.set()
        await use(shelf, "a")
        shelf.check()


async def test_a_kept_snapshot_keeps_its_model():
    from secretariat.models.core import ChatMessage
    from secretariat.models.engine.local import LocalChat

    listed = {
        "toy": Listing("toy", "chat", Path(), 6),
        "letters": Listing("letters", "embedding", Path(), 6),
    }
    call = CallContext("t", "r")

    def load(listing: Listing) -> LocalChat | LocalEmbedder:
        if listing.kind == "chat":
            return LocalChat(toy_chat(random_network())).start()
        return LocalEmbedder(LetterCounts(), listing.bytes)

    shelf = Shelf(listed, load, chat="toy", embedder="letters", budget=2**40)
    try:
        async with shelf.chat("toy") as chat:
            made = await chat.snapshot([ChatMessage("user", "hello")], call)
            shelf.pool.budget = chat.bytes + 5
        with pytest.raises(ModelError, match="in use"):
            await use(shelf, "letters")
        async with shelf.chat("toy") as chat:
            await chat.snapshots.delete(made.id, "t")
        await use(shelf, "letters")
        assert loaded(shelf) == {"letters"}
    finally:
        await shelf.close()


async def test_metrics_are_prometheus_and_name_no_one():
    async with new_shelf(Storehouse()) as shelf:
        await use(shelf, "a")
        text = exposition(shelf)
    lines = text.splitlines()
    assert text.endswith("\n")
    assert 'secretariat_model_loaded{model="a"} 1' in lines
    assert 'secretariat_model_loaded{model="b"} 0' in lines
    assert "# TYPE secretariat_model_cache_hit_tokens_total counter" in lines


def test_listings_are_what_is_there_or_what_was_named(tmp_path: Path):
    for file in (
        "one/model.gguf",
        "two/model.safetensors",
        "two/modules.json",
        "three/readme",
        ".four/x.gguf",
    ):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(b"12345")
    found = listings(tmp_path, {}, ["absent"])
    assert {name: (entry.kind, entry.bytes) for name, entry in found.items()} == {
        "one": ("chat", 5),
        "two": ("embedding", 5),
        "absent": ("chat", 0),
    }
    named = listings(tmp_path, {"mine": tmp_path / "one"}, [])
    assert [(entry.name, entry.path) for entry in named.values()] == [("mine", tmp_path / "one")]
    card = found["one"].card()
    assert (card.loaded, card.licence, card.weights_sha256) == (False, "unknown", "")
