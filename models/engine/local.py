"""The engine behind the Protocols of `client.py`, in this process: asyncio on one side, threads on the other.

The server, tools and tests use it. Knows no HTTP.
"""

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
import torch

from secretariat.models.catalog import CATALOG
from secretariat.models.core import (
    CallContext,
    ChatRequest,
    ChatResult,
    EmbeddingResult,
    ModelCard,
    ModelIdentity,
    TokenEvent,
    TokenLogprob,
    Usage,
)
from secretariat.models.engine.engine import Engine
from secretariat.models.engine.events import Drawn, Emission, Sink
from secretariat.models.engine.grammar import Grammars
from secretariat.models.engine.pages import pages_for
from secretariat.models.engine.request import Generation
from secretariat.models.engine.scheduler import Limits
from secretariat.models.engine.store import EngineMemory
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.errors import ModelError
from secretariat.models.nets.config import DType
from secretariat.models.nets.load import (
    LoadedChat,
    WeightsIdentity,
    load_chat_model,
    load_embedder,
)
from secretariat.models.pull import locate

_EMBED_AT_ONCE = 16


def identity_of(weights: WeightsIdentity) -> ModelIdentity:
    engine = f"secretariat/{version('secretariat')} torch/{torch.__version__}"
    return ModelIdentity(weights.name, weights.weights_sha256, engine, torch.get_num_threads(), weights.dtype)


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """`contexts`: key-value memory, in full context lengths."""

    dtype: DType = "float32"
    contexts: int = 2
    limits: Limits = field(default_factory=Limits)


class LocalChat:
    """A ChatModel over an engine of its own. `start` before use; `close` ends the thread."""

    def __init__(self, loaded: LoadedChat, options: EngineOptions | None = None) -> None:
        options = options or EngineOptions()
        vocabulary = Vocabulary.of(loaded.tokenizer, loaded.eos_ids)
        self._loaded = loaded
        self._grammars = Grammars(vocabulary)
        self.engine = Engine(
            loaded.network,
            vocabulary,
            memory=EngineMemory(
                pages=options.contexts * pages_for(loaded.context_length),
                slots=options.limits.running,
                snapshots=4 * options.limits.running,
            ),
            limits=options.limits,
            identity=loaded.identity.weights_sha256,
        )
        self.identity = identity_of(loaded.identity)

    def start(self) -> Self:
        self.engine.start()
        return self

    def close(self) -> None:
        self.engine.close()

    @property
    def context_length(self) -> int:
        return self._loaded.context_length

    async def chat(self, request: ChatRequest, call: CallContext) -> ChatResult:
        text, drawn, last = "", list[Drawn](), None
        async for last in self.emissions(request, call):
            text += last.text
            drawn.extend(last.drawn)
        assert last is not None
        assert last.finish_reason is not None
        assert last.usage is not None
        logprobs = tuple(entry.plain() for entry in drawn)
        return ChatResult(text, last.finish_reason, last.usage, self.identity, logprobs)

    async def stream(self, request: ChatRequest, call: CallContext) -> AsyncGenerator[TokenEvent, None]:
        async with contextlib.aclosing(self.emissions(request, call)) as emissions:
            async for emission in emissions:
                yield self._event(emission)

    def _event(self, emission: Emission) -> TokenEvent:
        logprobs: tuple[TokenLogprob, ...] = tuple(entry.plain() for entry in emission.drawn)
        model = self.identity if emission.finish_reason is not None else None
        return TokenEvent(emission.text, logprobs, emission.finish_reason, emission.usage, model)

    async def count_tokens(self, texts: Sequence[str], call: CallContext) -> list[int]:  # noqa: ARG002
        return await asyncio.to_thread(self._loaded.tokenizer.count, texts)

    async def emissions(self, request: ChatRequest, call: CallContext) -> AsyncGenerator[Emission, None]:
        """The engine's own events, with alternatives to each token. Closing the iterator cancels."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[Emission | ModelError] = asyncio.Queue()

        def sink(event: Emission | ModelError) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is left to tell
                loop.call_soon_threadsafe(arrived.put_nowait, event)

        generation = await asyncio.to_thread(self._prepare, request, call, sink)
        self.engine.submit(generation)
        try:
            while True:
                event = await arrived.get()
                if isinstance(event, ModelError):
                    raise event
                yield event
                if event.finish_reason is not None:
                    return
        finally:
            self.engine.cancel(generation)

    def _prepare(self, request: ChatRequest, call: CallContext, sink: Sink) -> Generation:
        """Everything that takes time and no model: template, tokens, grammar. Raises ModelError."""
        self._check(request)
        deadline = None if call.deadline_s is None else time.monotonic() + call.deadline_s
        prompt = tuple(self._loaded.encode_chat(request.messages))
        asked, limit = request.sampling.max_tokens, self._loaded.context_length
        if len(prompt) + asked > limit:
            raise ModelError(
                "context_length_exceeded",
                f"the prompt's {len(prompt)} tokens and max_tokens {asked} together exceed"
                f" the context of {limit} tokens",
                param="messages",
            )
        matcher = None if request.constraint is None else self._grammars.matcher(request.constraint)
        return Generation(call.tenant, prompt, request.sampling, sink, matcher, deadline)

    def _check(self, request: ChatRequest) -> None:
        if request.model not in ("default", self.identity.name):
            raise ModelError("model_not_found", f"no chat model named {request.model!r}", param="model")
        if not request.messages:
            raise ModelError("invalid_request", "a conversation has at least one message", param="messages")
        if request.sampling.max_tokens < 1:
            raise ModelError("invalid_request", "max_tokens is at least 1", param="max_tokens")


class TextEncoder(Protocol):
    """What `load_embedder` returns, as far as it is used here."""

    @property
    def identity(self) -> WeightsIdentity: ...

    @property
    def dim(self) -> int: ...

    @property
    def max_tokens(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Unit vectors [texts, dim]."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...


class LocalEmbedder:
    """An Embedder with a thread of its own; long lists go in slices, so that callers take turns."""

    def __init__(self, loaded: TextEncoder) -> None:
        self._loaded = loaded
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedder", initializer=_yield_to_decoding)
        self.identity = identity_of(loaded.identity)

    @property
    def dim(self) -> int:
        return self._loaded.dim

    @property
    def max_tokens(self) -> int:
        return self._loaded.max_tokens

    def close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def embed(self, texts: Sequence[str], call: CallContext) -> EmbeddingResult:
        if not texts:
            raise ModelError("invalid_request", "nothing to embed", param="input")
        deadline = None if call.deadline_s is None else time.monotonic() + call.deadline_s
        vectors: list[bytes] = []
        tokens = 0
        for start in range(0, len(texts), _EMBED_AT_ONCE):
            if deadline is not None and deadline <= time.monotonic():
                raise ModelError("deadline_exceeded", "the deadline passed", retryable=True)
            slice_ = texts[start : start + _EMBED_AT_ONCE]
            made, counted = await asyncio.get_running_loop().run_in_executor(self._thread, self._run, slice_)
            vectors.extend(made)
            tokens += counted
        return EmbeddingResult(vectors, self.dim, Usage(tokens, 0), self.identity)

    def _run(self, texts: Sequence[str]) -> tuple[list[bytes], int]:
        vectors = self._loaded.embed(texts).astype("<f4")
        counts = self._loaded.count_tokens(texts)
        return [row.tobytes() for row in vectors], sum(min(n, self.max_tokens) for n in counts)


def _yield_to_decoding() -> None:
    """A reader waits for every token, nobody for a single vector. Linux alone has niceness by thread."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)


class LocalModels:
    """ChatModel, Embedder and ModelCatalogue over the models of one directory, in this process."""

    def __init__(self, chat: LocalChat, embedder: LocalEmbedder) -> None:
        self.chat_model = chat
        self.embedder = embedder
        self.chat = chat.chat
        self.stream = chat.stream
        self.count_tokens = chat.count_tokens
        self.embed = embedder.embed

    @classmethod
    def load(cls, models_dir: Path, chat: str, embedder: str, options: EngineOptions | None = None) -> Self:
        """Takes seconds. Raises ModelError weights_missing, checkpoint_invalid or model_not_found."""
        options = options or EngineOptions()
        loaded = load_chat_model(locate(chat, models_dir), dtype=options.dtype)
        embedding = LocalEmbedder(load_embedder(locate(embedder, models_dir)))
        return cls(LocalChat(loaded, options).start(), embedding)

    def close(self) -> None:
        self.chat_model.close()
        self.embedder.close()

    async def models(self) -> list[ModelCard]:
        chat, embedder = self.chat_model, self.embedder
        return [
            ModelCard(
                chat.identity.name,
                "chat",
                chat.context_length,
                CATALOG[chat.identity.name].licence,
                chat.identity.weights_sha256,
            ),
            ModelCard(
                embedder.identity.name,
                "embedding",
                embedder.max_tokens,
                CATALOG[embedder.identity.name].licence,
                embedder.identity.weights_sha256,
                embedder.dim,
            ),
        ]
