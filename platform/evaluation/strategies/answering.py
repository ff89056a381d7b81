"""One strategy's answer to one question: what it sees, what the model says, what it cites and what that took."""

import time
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from uuid import UUID

from secretariat.models.client import ChatModel
from secretariat.models.core import CallContext, ChatMessage, ChatRequest, SamplingParams
from secretariat.platform.evaluation.strategies.core import ABSTAINED, Strategy
from secretariat.platform.evaluation.strategies.sources import Found, Sources, Whole, passages

_MOST_TOKENS = 64
_LEANING = 0.0  # a model's own measure, not search's: none until one is fitted for the model that is served
_ALONE = f"Answer in a few words. If you do not know the answer, reply: {ABSTAINED}."
_GROUNDED = f"Copy the words that answer the question. If no document holds the answer, reply: {ABSTAINED}."


@dataclass(frozen=True, slots=True)
class Answer:
    """`cited`: the documents behind its citations; `shown`: those that were before the model, in order, with the
    weight of each."""

    text: str
    cited: frozenset[UUID]
    shown: tuple[tuple[UUID, float], ...]
    prompt_tokens: int
    answer_tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Answering:
    """`base` and, where one is published, `adapted` answer as the model of that name."""

    base: ChatModel
    adapted: ChatModel | None
    model: str
    whole: Whole
    call: CallContext

    def can(self, strategy: Strategy) -> bool:
        return self.adapted is not None or not strategy.adapter

    async def answer(
        self, strategy: Strategy, question: str, found: Found, without: AbstractSet[UUID] = frozenset()
    ) -> Answer:
        """`without`: documents that are withheld. Greedy. Raises ModelError."""
        chat = self.adapted if strategy.adapter else self.base
        assert chat is not None
        began = time.perf_counter()
        sources = await self._sources(strategy, found, without)
        result = await chat.chat(self._request(question, sources), self.call)
        spent = time.perf_counter() - began + (found.seconds if strategy.sees != "nothing" else 0)
        numbers = {number for citation in result.citations for number in citation.document_ids}
        usage = result.usage
        return Answer(
            result.text,
            frozenset(sources.of(numbers)),
            sources.weighed,
            usage.prompt_tokens,
            usage.completion_tokens,
            spent,
        )

    async def _sources(self, strategy: Strategy, found: Found, without: AbstractSet[UUID]) -> Sources:
        if strategy.sees == "documents":
            return await self.whole.documents(found, without)
        return passages(found, without) if strategy.sees == "passages" else Sources()

    def _request(self, question: str, sources: Sources) -> ChatRequest:
        """Over documents, what is cited is copied."""
        system = _GROUNDED if sources.documents else _ALONE
        asked = (ChatMessage("system", system), ChatMessage("user", question))
        request = ChatRequest(asked, model=self.model, sampling=SamplingParams(max_tokens=_MOST_TOKENS))
        return replace(request, documents=sources.documents, citation_mode="accurate", leaning=_LEANING)
