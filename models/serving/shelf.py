"""The models of a server process under one budget of bytes: loaded when asked for, put away when others need room.

Owns which models are in memory and who uses them. Belongs to one event loop; loading and closing go to a thread.
Knows no HTTP and loads no torch.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar, Union

from secretariat.models.catalog import ModelKind
from secretariat.models.core import ModelCard
from secretariat.models.errors import ModelError
from secretariat.models.serving.listing import Listing

if TYPE_CHECKING:
    from secretariat.models.engine.embedding import LocalEmbedder
    from secretariat.models.engine.labelling import LocalLabeller
    from secretariat.models.engine.local import LocalChat

    Model = Union[LocalChat, LocalEmbedder, LocalLabeller]  # noqa: UP007 - of names that exist for type checkers

T = TypeVar("T")
_log = logging.getLogger(__name__)
_LOADING = ModelError("unreachable", "the models are loading", retryable=True)


@dataclass(slots=True, eq=False)
class _Place:
    listing: Listing
    model: "Model | None" = None
    loading: "asyncio.Task[Model] | None" = None
    users: int = 0
    used_at: float = 0.0
    known: ModelCard | None = field(default=None)
    needed: int = 0

    @property
    def idle(self) -> bool:
        return self.model is not None and self.users == 0 and not self.model.keeps

    @property
    def bytes(self) -> int:
        if self.model is not None:
            return self.model.bytes
        return self.needed if self.loading is not None else 0


class Shelf:
    """`load` runs in a thread and returns a started model or raises ModelError; so does `size`, which says what a
    model will take before it is loaded: its files' bytes unless given.

    `chat`, `embedder` and `classifier` are the names that "default" stands for; the first two are loaded at once.
    `budget`: bytes that all loaded models may take together, None for no limit.
    """

    def __init__(
        self,
        listings: Mapping[str, Listing],
        load: "Callable[[Listing], Model]",
        *,
        chat: str,
        embedder: str,
        classifier: str | None = None,
        budget: int | None = None,
        size: Callable[[Listing], int] | None = None,
    ) -> None:
        self._places = {name: _Place(listing) for name, listing in listings.items()}
        self._load = load
        self._size = size or (lambda listing: listing.bytes)
        self._defaults: dict[ModelKind, str | None] = {
            "chat": chat, "embedding": embedder, "classifier": classifier,
        }  # fmt: skip
        self._at_once = (chat, embedder)
        self._budget = budget
        self._failure: ModelError | None = _LOADING
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="loader")
        self._starting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Load the default models in the background."""
        self._starting = asyncio.create_task(self._load_defaults())

    async def close(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        for place in self._places.values():
            if place.loading is not None:
                await asyncio.gather(place.loading, return_exceptions=True)
            await self._put_away(place)
        self._thread.shutdown()

    async def _load_defaults(self) -> None:
        began = time.monotonic()
        try:
            for name in self._at_once:
                await self._loaded(self._places[name])
        except ModelError as error:
            self._failure = error
        else:
            _log.info("models ready after %.1f s", time.monotonic() - began)

    def check(self) -> None:
        """Raises ModelError while the default models load, if they can't be, or once an engine broke."""
        if self._failure is not None:
            raise self._failure
        for place in self._places.values():
            if place.model is not None and place.model.refusal is not None:
                raise place.model.refusal

    def cards(self) -> list[ModelCard]:
        return [self._card(place) for place in self._places.values()]

    def card(self, name: str) -> ModelCard:
        """Raises ModelError model_not_found."""
        if name not in self._places:
            raise _absent(name)
        return self._card(self._places[name])

    def _card(self, place: _Place) -> ModelCard:
        listing, model = place.listing, place.model
        if model is not None:
            place.known = replace(model.card(), form=model.identity.dtype, bytes=model.bytes)
        known = place.known or listing.card()
        facts = listing.facts
        return replace(
            known, name=listing.name, licence=facts.licence, family=facts.family, loaded=model is not None
        )

    def loaded(self) -> "list[Model]":
        return [place.model for place in self._places.values() if place.model is not None]

    def chats(self) -> "list[LocalChat]":
        """The loaded chat models."""
        places = [place for place in self._places.values() if place.listing.kind == "chat"]
        return [place.model for place in places if place.model is not None]  # type: ignore[misc]

    @contextlib.asynccontextmanager
    async def chat(self, name: str) -> "AsyncGenerator[LocalChat, None]":
        """The chat model of that name, loaded, which stays as long as it is used. Raises ModelError."""
        async with self._using(name, "chat") as model:
            yield model  # type: ignore[misc]

    @contextlib.asynccontextmanager
    async def embedder(self, name: str) -> "AsyncGenerator[LocalEmbedder, None]":
        """As `chat`."""
        async with self._using(name, "embedding") as model:
            yield model  # type: ignore[misc]

    @contextlib.asynccontextmanager
    async def classifier(self, name: str) -> "AsyncGenerator[LocalLabeller, None]":
        """As `chat`."""
        async with self._using(name, "classifier") as model:
            yield model  # type: ignore[misc]

    @contextlib.asynccontextmanager
    async def _using(self, name: str, kind: ModelKind) -> "AsyncGenerator[Model, None]":
        place = self._place(name, kind)
        place.users += 1
        try:
            model = await self._loaded(place)
            if model.refusal is not None:
                raise model.refusal
            yield model
        finally:
            place.users -= 1
            place.used_at = time.monotonic()

    def _place(self, name: str, kind: ModelKind) -> _Place:
        asked = self._defaults[kind] if name == "default" else name
        if asked is None:
            raise ModelError(
                "model_not_found",
                f"this server has no model of kind {kind} by default: name one, or start it with --{kind}",
                param="model",
            )
        place = self._places.get(asked)
        if place is None:
            raise _absent(name)
        if place.listing.kind != kind:
            raise ModelError(
                "model_not_found",
                f"{name!r} is a model of kind {place.listing.kind}, not {kind}",
                param="model",
            )
        return place

    async def _loaded(self, place: _Place) -> "Model":
        if place.model is not None:
            return place.model
        if place.loading is None:
            place.loading = asyncio.create_task(self._bring(place))
            place.loading.add_done_callback(_noticed)
        return await asyncio.shield(place.loading)

    async def _bring(self, place: _Place) -> "Model":
        name = place.listing.name
        try:
            await self._make_room(place)
            model = await self._in_thread(self._load, place.listing)
        except ModelError as error:
            _log.error("%s could not be loaded: %s: %s", name, error.code, error.message)
            raise
        except Exception as error:
            _log.exception("%s could not be loaded", name)
            raise ModelError("checkpoint_invalid", f"{name} could not be loaded: see the log") from error
        finally:
            place.loading = None
        place.model = model
        if all(self._places[name].model is not None for name in self._at_once):
            self._failure = None
        return model

    async def _make_room(self, place: _Place) -> None:
        """Put idle models away, the least recently used first. Raises ModelError if that isn't enough."""
        if self._budget is None:
            return
        name = place.listing.name
        needed = place.needed = await self._in_thread(self._size, place.listing)
        if needed > self._budget:
            less = " or fewer --contexts" if place.listing.kind == "chat" else ""
            raise ModelError(
                "invalid_request",
                f"{name} needs {needed} bytes, the server has {self._budget}:"
                f" start it with a larger --memory{less}",
                param="model",
            )
        while (
            needed + sum(other.bytes for other in self._places.values() if other is not place) > self._budget
        ):
            idle = [other for other in self._places.values() if other.idle]
            if not idle:
                raise ModelError("overloaded", f"no room for {name}: other models are in use", retryable=True)
            await self._put_away(min(idle, key=lambda other: other.used_at))

    async def _in_thread(self, work: Callable[[Listing], T], listing: Listing) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, listing)

    async def _put_away(self, place: _Place) -> None:
        if place.model is None:
            return
        self._card(place)  # what is known of it outlives it
        model, place.model = place.model, None
        await asyncio.get_running_loop().run_in_executor(self._thread, model.close)
        _log.info("%s was put away", place.listing.name)


def _noticed(task: "asyncio.Task[Model]") -> None:
    """Whoever waited for it has left: its failure was logged."""
    if not task.cancelled():
        task.exception()


def _absent(name: str) -> ModelError:
    return ModelError("model_not_found", f"no such model here: {name!r}", param="model")
