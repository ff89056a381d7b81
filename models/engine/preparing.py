"""From a request to a generation: template, tokens, grammar, adapter, and whether it can run at all.

All that takes time and no model. Any thread; knows no asyncio and no engine.
"""

import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

from secretariat.models.core import CallContext, ChatMessage, ChatRequest, ChoiceConstraint, SamplingParams
from secretariat.models.engine.events import Sink
from secretariat.models.engine.grammar import Grammars
from secretariat.models.engine.grounding import constraint_of, turns_of
from secretariat.models.engine.labels import Said
from secretariat.models.engine.request import AdapterUse, Generation
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.errors import ModelError
from secretariat.models.experts.dispatch import check, question
from secretariat.models.nets.adapters import acts_from
from secretariat.models.nets.load import LoadedChat
from secretariat.models.tokens.chat import ChatPrompt, Turn, header_tokens, lay_out

_NEVER = -1e9


class AdapterRegistry(Protocol):
    """The adapters of one chat model. Names are the server's, not a tenant's."""

    def names(self) -> list[str]: ...

    def use(self, name: str) -> AdapterUse:
        """Raises ModelError adapter_not_found."""
        ...

    def load(self, name: str, source: Path, *, partial: bool = False) -> None:
        """Takes a while. Raises ModelError adapter_invalid; without `partial` for one that leaves layers out."""
        ...

    def unload(self, name: str) -> None:
        """Raises ModelError adapter_not_found."""
        ...


class Preparer:
    """For one loaded model. Every method raises ModelError."""

    def __init__(self, loaded: LoadedChat, vocabulary: Vocabulary, adapters: AdapterRegistry | None) -> None:
        self._loaded = loaded
        self._vocabulary = vocabulary
        self._grammars = Grammars(vocabulary)
        self._adapters = adapters

    def chat(
        self, request: ChatRequest, earlier: Sequence[ChatMessage], call: CallContext, sink: Sink
    ) -> Generation:
        """`earlier`: the messages of the snapshot that it goes on from."""
        if not request.messages:
            raise ModelError("invalid_request", "a conversation has at least one message", param="messages")
        prompt = self._laid_out(turns_of((*earlier, *request.messages), request.documents))
        adapter = self.adapter(request.adapter)
        generation = self._generation(prompt, request.sampling, call, sink, adapter, "messages")
        generation.late_from = self._late_from(prompt, adapter)
        generation.origin = request.snapshot
        constraint = request.constraint or constraint_of(request)
        generation.matcher = None if constraint is None else self._grammars.matcher(constraint)
        return generation

    def continuation(
        self,
        prompt: str | Sequence[int],
        sampling: SamplingParams,
        call: CallContext,
        sink: Sink,
        adapter: str | None,
    ) -> Generation:
        if isinstance(prompt, str):
            prompt = self._loaded.tokenizer.encode(prompt)
        self.check_tokens(prompt, "prompt")
        plain = ChatPrompt(list(prompt), ())
        return self._generation(plain, sampling, call, sink, self.adapter(adapter), "prompt")

    def _late_from(self, prompt: ChatPrompt, adapter: AdapterUse | None) -> int:
        """Where the adapter begins to act."""
        return 0 if adapter is None else acts_from(adapter.acts, len(prompt.ids), prompt.asked, self._header)

    @cached_property
    def _header(self) -> int:
        template = self._loaded.template
        return 1 if template is None else header_tokens(template, self._loaded.tokenizer)

    def dispatch(self, request: ChatRequest, earlier: Sequence[ChatMessage]) -> ChatPrompt:
        """The same conversation with the question who is to answer it behind the user's words."""
        if not request.messages or request.messages[-1].role != "user":
            raise ModelError("invalid_request", "experts answer a user's message", param="messages")
        check(request.experts)
        *before, last = turns_of((*earlier, *request.messages), request.documents)
        return self._laid_out([*before, Turn(last.role, (*last.parts, question(request.experts)))])

    def choice(
        self,
        prompt: ChatPrompt,
        said: Said,
        labels: Sequence[str],
        call: CallContext,
        sink: Sink,
        origin: str | None = None,
        adapter: str | None = None,
    ) -> Generation:
        """One draw among the tokens that may follow what was said of one of the labels. `origin`: a snapshot that
        the prompt goes on from."""
        path = [self._vocabulary.prefixes[token] for token in said]
        behind = ChatPrompt([*prompt.ids, *path], prompt.boundaries)
        # Log-probabilities are those without a bias; an end that was drawn wouldn't tell them.
        no_end = tuple((token, _NEVER) for token in sorted(self._vocabulary.eos_ids))
        sampling = SamplingParams(
            max_tokens=1, top_logprobs=len(self._vocabulary), logit_bias=no_end, speculate=False
        )
        use = self.adapter(adapter)
        generation = self._generation(behind, sampling, call, sink, use, "input")
        generation.late_from = self._late_from(prompt, use)
        generation.origin = origin
        generation.matcher = self._grammars.matcher(ChoiceConstraint(tuple(labels)))
        for token in path:
            generation.matcher.accept(token)
        return generation

    def question(self, messages: Sequence[ChatMessage]) -> ChatPrompt:
        """Up to the assistant's turn."""
        return self._laid_out(turns_of(messages, ()))

    def conversation(self, messages: Sequence[ChatMessage]) -> ChatPrompt:
        """Closed behind the last message: others can go on from there."""
        prompt = self._laid_out(turns_of(messages, ()), closed=True)
        self._check_length(len(prompt.ids), 1, "messages")
        return prompt

    def adapter(self, name: str | None) -> AdapterUse | None:
        if name is None:
            return None
        if self._adapters is None:
            raise ModelError("adapter_not_found", f"no adapter {name!r} is loaded", param="adapter")
        return self._adapters.use(name)

    def check_tokens(self, tokens: Sequence[int], param: str) -> None:
        size = len(self._vocabulary)
        if any(not 0 <= token < size for token in tokens):
            raise ModelError("invalid_request", f"token ids are below {size}", param=param)

    def _laid_out(self, turns: Sequence[Turn], *, closed: bool = False) -> ChatPrompt:
        loaded = self._loaded
        if loaded.template is None:
            raise ModelError(
                "invalid_request",
                f"{loaded.identity.name} is a base model without a chat template: ask it for a completion",
                param="model",
            )
        return lay_out(loaded.template, loaded.tokenizer, turns, add_generation_prompt=not closed)

    def _generation(
        self,
        prompt: ChatPrompt,
        sampling: SamplingParams,
        call: CallContext,
        sink: Sink,
        adapter: AdapterUse | None,
        param: str,
    ) -> Generation:
        if sampling.max_tokens < 1:
            raise ModelError("invalid_request", "max_tokens is at least 1", param="max_tokens")
        self.check_tokens([token for token, _ in sampling.logit_bias], "logit_bias")
        self._check_length(len(prompt.ids), sampling.max_tokens, param)
        deadline = None if call.deadline_s is None else time.monotonic() + call.deadline_s
        return Generation(
            call.tenant,
            tuple(prompt.ids),
            sampling,
            sink,
            deadline=deadline,
            boundaries=prompt.boundaries,
            adapter=adapter,
        )

    def _check_length(self, prompt: int, asked: int, param: str) -> None:
        limit = self._loaded.context_length
        if prompt < 1:
            raise ModelError("invalid_request", "a prompt has at least one token", param=param)
        if prompt + asked > limit:
            raise ModelError(
                "context_length_exceeded",
                f"the prompt's {prompt} tokens and max_tokens {asked} together exceed"
                f" the context of {limit} tokens",
                param=param,
            )
