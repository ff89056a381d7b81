"""The engine behind the Protocols of `client.py`, in this process: asyncio on one side, threads on the other.

The server, tools and tests use it. Knows no HTTP.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self
from weakref import WeakKeyDictionary

import torch

from secretariat.models.catalog import CATALOG
from secretariat.models.core import (
    CallContext,
    ChatMessage,
    ChatRequest,
    ChatResult,
    Citation,
    ClassifyResult,
    Expert,
    ModelCard,
    SamplingParams,
    TokenEvent,
    TokenLogprob,
    Usage,
)
from secretariat.models.engine.adapters import Adapters, Pause
from secretariat.models.engine.conversations import Conversations, Snapshot
from secretariat.models.engine.courier import Courier, Inbox
from secretariat.models.engine.embedding import LocalEmbedder
from secretariat.models.engine.engine import Engine
from secretariat.models.engine.events import Drawn, Emission, Sink
from secretariat.models.engine.grounding import cited
from secretariat.models.engine.identity import identity_of
from secretariat.models.engine.labels import Ask, Distribution, Said, asking, best_first, label_probabilities
from secretariat.models.engine.pages import pages_for
from secretariat.models.engine.preparing import AdapterRegistry, Preparer
from secretariat.models.engine.request import Generation
from secretariat.models.engine.scheduler import Limits
from secretariat.models.engine.speculate import Drafter
from secretariat.models.engine.store import EngineMemory
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.errors import ModelError
from secretariat.models.experts.dispatch import beyond, chosen, meant
from secretariat.models.nets.adapters import AdapterPlan
from secretariat.models.nets.config import DType
from secretariat.models.nets.load import Backend, Form, LoadedChat, load_chat_model
from secretariat.models.nets.load_encoder import load_embedder
from secretariat.models.pull import locate
from secretariat.models.tokens.chat import ChatPrompt

Prepare = Callable[[Sink], Generation]
"""Everything about a request that takes time and no model: template, tokens, grammar. Raises ModelError."""


_REMEMBERED = 256  # sets of experts
_KV = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """`contexts`: key-value memory, in full context lengths; `kv` its form. The others are `load_chat_model`'s."""

    form: Form | None = None
    backend: Backend = "auto"
    threads: int | None = None
    exact: bool = True
    adapters: AdapterPlan | None = None
    contexts: int = 2
    kv: DType = "bfloat16"
    limits: Limits = field(default_factory=Limits)


def memory_of(options: EngineOptions, context_length: int) -> EngineMemory:
    """What an engine with these options will ask for."""
    return EngineMemory(
        pages=options.contexts * pages_for(context_length),
        slots=options.limits.running,
        snapshots=4 * options.limits.running,
        kv_dtype=_KV[options.kv],
    )


def _nothing() -> None: ...


class LocalChat:
    """A ChatModel over an engine of its own. `start` before use; `close` ends the thread."""

    def __init__(
        self,
        loaded: LoadedChat,
        options: EngineOptions | None = None,
        *,
        weight_bytes: int = 0,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        options = options or EngineOptions()
        vocabulary = vocabulary or Vocabulary.of(loaded.tokenizer, loaded.eos_ids)
        self._loaded = loaded
        self._weight_bytes = weight_bytes
        self.identity = identity_of(loaded.identity, loaded.network.arithmetic, options.kv)
        self.engine = Engine(
            loaded.network,
            vocabulary,
            memory=memory_of(options, loaded.context_length),
            limits=options.limits,
            drafter=Drafter(vocabulary),
            identity=loaded.identity.weights_sha256,
        )
        self.adapters = self._registry()
        self._preparer = Preparer(loaded, vocabulary, self.adapters)
        self.snapshots = Conversations(self.engine)
        self._couriers: WeakKeyDictionary[asyncio.AbstractEventLoop, Courier] = WeakKeyDictionary()
        self.leaving: Callable[[], None] = _nothing  # what makes coming back quicker
        self._before: dict[tuple[str, tuple[Expert, ...]], dict[str, float]] = {}

    def _registry(self) -> AdapterRegistry | None:
        network = self._loaded.network
        if network.adapters is None:
            return None
        pause = Pause(self.engine.between_steps, self.engine.adapter_rows)
        return Adapters(network.adapters, network.config, pause)

    def start(self) -> Self:
        self.engine.start()
        return self

    def close(self) -> None:
        self.engine.close()

    def put_away(self) -> None:
        """As `close`, for one that will be wanted again."""
        self.close()
        self.leaving()

    @property
    def context_length(self) -> int:
        return self._loaded.context_length

    @property
    def refusal(self) -> ModelError | None:
        return self.engine.refusal

    @property
    def bytes(self) -> int:
        """What it may take in memory: its weights and all of its budget for keys, values and states."""
        return self._weight_bytes + self.engine.metrics.budget_bytes

    @property
    def keeps(self) -> bool:
        """Whether someone holds a snapshot here, which would be lost with it."""
        return self.engine.metrics.handles > 0

    def card(self) -> ModelCard:
        known, identity = CATALOG.get(self.identity.name), self.identity
        licence = known.licence if known else "unknown"
        return ModelCard(identity.name, "chat", self.context_length, licence, identity.weights_sha256)

    async def chat(self, request: ChatRequest, call: CallContext) -> ChatResult:
        text, drawn, citations, last = "", list[Drawn](), list[Citation](), None
        async for last in self.emissions(request, call):
            text += last.text
            drawn.extend(last.drawn)
            citations.extend(last.citations)
        assert last is not None
        assert last.finish_reason is not None
        assert last.usage is not None
        logprobs = tuple(entry.plain() for entry in drawn)
        return ChatResult(
            text, last.finish_reason, last.usage, self.identity, logprobs, tuple(citations), last.expert
        )

    async def stream(self, request: ChatRequest, call: CallContext) -> AsyncGenerator[TokenEvent, None]:
        async with contextlib.aclosing(self.emissions(request, call)) as emissions:
            async for emission in emissions:
                yield self._event(emission)

    def _event(self, emission: Emission) -> TokenEvent:
        logprobs: tuple[TokenLogprob, ...] = tuple(entry.plain() for entry in emission.drawn)
        model = self.identity if emission.finish_reason is not None else None
        return TokenEvent(
            emission.text, logprobs, emission.finish_reason, emission.usage, model, emission.citations,
            emission.expert,
        )  # fmt: skip

    async def count_tokens(self, texts: Sequence[str], call: CallContext) -> list[int]:  # noqa: ARG002
        return await asyncio.to_thread(self._loaded.tokenizer.count, texts)

    async def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        encode = self._loaded.tokenizer.encode
        return await asyncio.to_thread(lambda: [encode(text) for text in texts])

    async def detokenize(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Raises ModelError invalid_request."""
        for row in rows:
            self._preparer.check_tokens(row, "tokens")
        return [self._loaded.tokenizer.decode(row) for row in rows]

    async def emissions(self, request: ChatRequest, call: CallContext) -> AsyncGenerator[Emission, None]:
        """The engine's own events, with alternatives to each token. Closing the iterator cancels.

        With documents, `text` is free of markup and citations come once their span is complete. With experts the
        one that the base model chooses answers.
        """
        if request.model not in ("default", self.identity.name):
            raise ModelError("model_not_found", f"no chat model named {request.model!r}", param="model")
        earlier: tuple[ChatMessage, ...] = ()
        if request.snapshot is not None:
            earlier = self.snapshots.messages(request.snapshot, call.tenant)
        expert = await self._dispatched(request, earlier, call) if request.experts else None
        if expert is not None:
            request = replace(request, adapter=expert.adapter)
        raw = self._run(lambda sink: self._preparer.chat(request, earlier, call, sink))
        async with contextlib.aclosing(cited(raw, request) if request.documents else raw) as emissions:
            async for emission in emissions:
                last = expert is not None and emission.finish_reason is not None
                yield replace(emission, expert=expert.name) if expert is not None and last else emission

    async def _dispatched(
        self, request: ChatRequest, earlier: Sequence[ChatMessage], call: CallContext
    ) -> Expert:
        """The first pass: who is to answer, as the base model says; without one where a single expert answers
        requests of this form."""
        if request.adapter is not None:
            raise ModelError("invalid_request", "name an adapter or experts, not both", param="experts")
        for expert in request.experts:
            self._preparer.adapter(expert.adapter)
        experts = meant(request)
        if len(experts) == 1:
            return experts[0]
        asked = replace(request, experts=experts)
        prompt = await asyncio.to_thread(self._preparer.dispatch, asked, earlier)
        names = [expert.name for expert in experts]
        found = await label_probabilities(names, self._asking(prompt, names, call, request.snapshot))
        return chosen(experts, beyond(found, await self._unasked(experts, call)))

    async def _unasked(self, experts: tuple[Expert, ...], call: CallContext) -> dict[str, float]:
        """How probable each name is when nothing was asked. Remembered for the tenant alone: nobody can time what
        another asked for."""
        key = call.tenant, experts
        if key not in self._before:
            nothing = ChatRequest((ChatMessage("user", "N/A"),), experts=experts)
            prompt = await asyncio.to_thread(self._preparer.dispatch, nothing, ())
            names = [expert.name for expert in experts]
            found = await label_probabilities(names, self._asking(prompt, names, call))
            while len(self._before) >= _REMEMBERED:
                self._before.pop(next(iter(self._before)))
            self._before[key] = found
        return self._before[key]

    async def continuation(
        self,
        prompt: str | Sequence[int],
        sampling: SamplingParams,
        call: CallContext,
        adapter: str | None = None,
    ) -> AsyncGenerator[Emission, None]:
        """What follows a text or tokens, without a template."""
        raw = self._run(lambda sink: self._preparer.continuation(prompt, sampling, call, sink, adapter))
        async with contextlib.aclosing(raw) as emissions:
            async for emission in emissions:
                yield emission

    async def classify(
        self,
        texts: Sequence[str],
        labels: Sequence[str],
        call: CallContext,
        instruction: str = "",
        adapter: str | None = None,
    ) -> ClassifyResult:
        """How probable each label is as the whole answer, when nothing else may be said."""
        prompts = [self._preparer.question(asking(text, labels, instruction)) for text in texts]
        asks = [self._asking(prompt, labels, call, adapter=adapter) for prompt in prompts]
        found = [await label_probabilities(labels, ask) for ask in asks]
        usage = Usage(sum(len(prompt.ids) for prompt in prompts), 0)
        return ClassifyResult(tuple(map(best_first, found)), usage, self.identity)

    def _asking(
        self,
        prompt: ChatPrompt,
        labels: Sequence[str],
        call: CallContext,
        origin: str | None = None,
        adapter: str | None = None,
    ) -> Ask:
        async def ask(said: Said) -> Distribution:
            raw = self._run(
                lambda sink: self._preparer.choice(prompt, said, labels, call, sink, origin, adapter)
            )
            async with contextlib.aclosing(raw) as emissions:
                drawn = [entry async for emission in emissions for entry in emission.drawn]
            return drawn[0].alternatives

        return ask

    async def snapshot(
        self, messages: Sequence[ChatMessage], call: CallContext, adapter: str | None = None
    ) -> Snapshot:
        """Compute the conversation and keep its state until it is deleted. Raises ModelError."""
        deadline = None if call.deadline_s is None else time.monotonic() + call.deadline_s
        prompt = await asyncio.to_thread(self._preparer.conversation, messages)
        use = self._preparer.adapter(adapter)
        use = None if use is not None and use.late else use  # of a prompt it has no part
        return await self.snapshots.hold(tuple(messages), prompt, call.tenant, deadline, use)

    async def _run(self, prepare: Prepare) -> AsyncGenerator[Emission, None]:
        inbox, courier = Inbox(), self._courier()
        generation = await asyncio.to_thread(prepare, lambda event: courier.post(inbox, event))
        self.engine.submit(generation)
        try:
            while True:
                for event in await inbox.take():
                    if isinstance(event, ModelError):
                        raise event
                    yield event
                    if event.finish_reason is not None:
                        return
        finally:
            self.engine.cancel(generation)

    def _courier(self) -> Courier:
        """The one to the event loop that asks: its calls are shared by all requests of that loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._couriers:
            self._couriers[loop] = Courier(loop)
        return self._couriers[loop]


class LocalModels:
    """ChatModel, Embedder and ModelCatalogue over two models of one directory, in this process."""

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
        chosen = load_chat(locate(chat, models_dir), options)
        return cls(chosen.start(), LocalEmbedder(load_embedder(locate(embedder, models_dir))))

    def close(self) -> None:
        self.chat_model.close()
        self.embedder.close()

    async def models(self) -> list[ModelCard]:
        return [self.chat_model.card(), self.embedder.card()]


def load_chat(
    directory: Path, options: EngineOptions | None = None, *, name: str | None = None, weight_bytes: int = 0
) -> LocalChat:
    """Not yet started; called `name`, or as its directory. Raises as `load_chat_model`."""
    options = options or EngineOptions()
    loaded = load_chat_model(
        directory,
        backend=options.backend,
        form=options.form,
        threads=options.threads,
        step_tokens=options.limits.step_tokens,
        exact=options.exact,
        adapters=options.adapters,
    )
    identity = replace(loaded.identity, name=name or loaded.identity.name)
    return LocalChat(replace(loaded, identity=identity), options, weight_bytes=weight_bytes)
