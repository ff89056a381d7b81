"""The models of a server process by name: loaded when asked for, under one budget of bytes.

Owns which models there are, what is known of each and what "default" means; who is in memory is `Pool`'s. Belongs
to one event loop. Knows no HTTP and loads no torch.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Union

from secretariat.models.catalog import ModelKind
from secretariat.models.core import ModelCard
from secretariat.models.errors import ModelError
from secretariat.models.experts.pool import Pool, Turns
from secretariat.models.experts.team import Team, read_team
from secretariat.models.serving.listing import Listing

if TYPE_CHECKING:
    from secretariat.models.engine.embedding import LocalEmbedder
    from secretariat.models.engine.labelling import LocalLabeller
    from secretariat.models.engine.local import LocalChat

    Model = Union[LocalChat, LocalEmbedder, LocalLabeller]  # noqa: UP007 - of names that exist for type checkers

_log = logging.getLogger(__name__)
_LOADING = ModelError("unreachable", "the models are loading", retryable=True)


class Shelf:
    """`load` runs in a thread and returns a started model or raises ModelError; so does `size`, which says what a
    model will take before it is loaded: its files' bytes unless given.

    `chat`, `embedder` and `classifier` are the names that "default" stands for; the first two are loaded at once.
    `budget`: bytes that all loaded models may take together, None for no limit. `turns`: how those share it that
    don't fit together.
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
        turns: Turns | None = None,
    ) -> None:
        self._listings = dict(listings)
        self._known: dict[str, ModelCard] = {}
        self._teams: dict[str, Team | None] = {}
        self._load = load
        size_of = size or (lambda listing: listing.bytes)
        self.pool: Pool[Model] = Pool(
            self._loaded_in_thread,
            lambda name: size_of(self._listings[name]),
            budget,
            turns or Turns(),
            left=self._put_away,
            hint=self._hint,
        )
        self._defaults: dict[ModelKind, str | None] = {
            "chat": chat, "embedding": embedder, "classifier": classifier,
        }  # fmt: skip
        self._at_once = (chat, embedder)
        self._failure: ModelError | None = _LOADING
        self._starting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Load the default models in the background."""
        self._starting = asyncio.create_task(self._load_defaults())

    async def close(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        await self.pool.close()

    async def _load_defaults(self) -> None:
        began = time.monotonic()
        try:
            for name in self._at_once:
                async with self.pool.use(name):
                    pass
        except ModelError as error:
            self._failure = error
        else:
            self._failure = None
            _log.info("models ready after %.1f s", time.monotonic() - began)

    def check(self) -> None:
        """Raises ModelError while the default models load, if they can't be, or once an engine broke."""
        if self._failure is not None:
            raise self._failure
        for model in self.loaded():
            if model.refusal is not None:
                raise model.refusal

    def cards(self) -> list[ModelCard]:
        return [self._card(name) for name in self._listings]

    def card(self, name: str) -> ModelCard:
        """Raises ModelError model_not_found."""
        if name not in self._listings:
            raise _absent(name)
        return self._card(name)

    def _card(self, name: str) -> ModelCard:
        listing, model = self._listings[name], self.pool.held(name)
        if model is not None:
            self._known[name] = replace(model.card(), form=model.identity.dtype, bytes=model.bytes)
        known = self._known.get(name) or listing.card()
        facts = listing.facts
        return replace(known, name=name, licence=facts.licence, family=facts.family, loaded=model is not None)

    def team(self, model: str) -> Team | None:
        """The experts of a chat model; None where it has none. Raises ModelError."""
        name = self._named(model, "chat")
        if name not in self._teams:
            self._teams[name] = read_team(self._listings[name].path)
        return self._teams[name]

    def loaded(self) -> "list[Model]":
        found = [self.pool.held(name) for name in self._listings]
        return [model for model in found if model is not None]

    def chats(self) -> "list[LocalChat]":
        """The loaded chat models."""
        named = [name for name, listing in self._listings.items() if listing.kind == "chat"]
        return [model for name in named if (model := self.pool.held(name)) is not None]  # type: ignore[misc]

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
        async with self.pool.use(self._named(name, kind)) as model:
            self._ready()
            if model.refusal is not None:
                raise model.refusal
            yield model

    def _named(self, name: str, kind: ModelKind) -> str:
        asked = self._defaults[kind] if name == "default" else name
        if asked is None:
            raise ModelError(
                "model_not_found",
                f"this server has no model of kind {kind} by default: name one, or start it with --{kind}",
                param="model",
            )
        listing = self._listings.get(asked)
        if listing is None:
            raise _absent(name)
        if listing.kind != kind:
            raise ModelError(
                "model_not_found",
                f"{name!r} is a model of kind {listing.kind}, not {kind}",
                param="model",
            )
        return asked

    def _ready(self) -> None:
        """A default that couldn't be loaded at first may have been since."""
        if self._failure is not None and all(self.pool.held(name) is not None for name in self._at_once):
            self._failure = None

    def _loaded_in_thread(self, name: str) -> "Model":
        try:
            return self._load(self._listings[name])
        except ModelError as error:
            _log.error("%s could not be loaded: %s: %s", name, error.code, error.message)
            raise
        except Exception as error:
            _log.exception("%s could not be loaded", name)
            raise ModelError("checkpoint_invalid", f"{name} could not be loaded: see the log") from error

    def _hint(self, name: str) -> str:
        less = " or fewer --contexts" if self._listings[name].kind == "chat" else ""
        return f"start it with a larger --memory{less}"

    def _put_away(self, name: str, model: "Model") -> None:
        """What is known of it outlives it."""
        self._known[name] = replace(model.card(), form=model.identity.dtype, bytes=model.bytes)
        _log.info("%s was put away", name)


def _absent(name: str) -> ModelError:
    return ModelError("model_not_found", f"no such model here: {name!r}", param="model")
