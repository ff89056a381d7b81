"""What a run has at hand: the task, the seams of its host, its journal, and the one way to ask the model.

Knows no plan and no tool.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from typing import Any

from secretariat.agents.budget import Budget
from secretariat.agents.core import AgentContext, ModelAnswered, ModelPrompted, ModelUse, Task, TaskEvent
from secretariat.agents.journal import Journal
from secretariat.models.core import (
    ChatMessage,
    ChatRequest,
    ChatResult,
    ChoiceConstraint,
    Constraint,
    JsonSchemaConstraint,
    SamplingParams,
    VerbatimSpanConstraint,
)
from secretariat.models.errors import ModelError

_ATTEMPTS = 3
_FIRST_PAUSE_S = 0.5
_MOST_INSTRUCTIONS = 600


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question to the model. Decoding is greedy, so the same prompt gets the same answer.

    `on_record`: what is put on record of it where it repeats whole documents: it names them and their hashes.
    """

    purpose: str
    messages: tuple[ChatMessage, ...]
    constraint: Constraint
    max_tokens: int
    on_record: "Prompt | None" = None

    def request(self) -> ChatRequest:
        sampling = SamplingParams(max_tokens=self.max_tokens, top_logprobs=0)
        return ChatRequest(self.messages, sampling=sampling, constraint=self.constraint)


def few_shot(
    system: str, shots: tuple[tuple[str, str], ...], question: str, instructions: str = ""
) -> tuple[ChatMessage, ...]:
    """Instructions in the system's turn alone; examples as turns; what is to be judged comes last.

    `instructions`: those of the task's assistant, the first 600 characters of them.
    """
    added = instructions.strip()[:_MOST_INSTRUCTIONS]
    messages = [ChatMessage("system", f"{system}\n{added}" if added else system)]
    for asked, answered in shots:
        messages += [ChatMessage("user", asked), ChatMessage("assistant", answered)]
    return (*messages, ChatMessage("user", question))


@dataclass(frozen=True, slots=True)
class Run:
    """One lease's hold on a task."""

    task: Task
    context: AgentContext
    journal: Journal
    budget: Budget = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "budget", Budget.of(self.task))

    async def ask(self, prompt: Prompt, call: str, step: str | None = None) -> AsyncIterator[TaskEvent]:
        """Prompt the model under the id `call`, unless the journal holds the answer; read it with `said`.

        An overloaded or unreachable model is asked again, twice, and each prompt is announced. Raises
        LimitExceededError, and ModelError, which is retryable where the model may be back for a later lease.
        """
        for attempt in range(_ATTEMPTS):
            if self.journal.answer(call) is not None:
                return
            self.budget.check(self.journal)
            yield _prompted(prompt.on_record or prompt, call, step)
            started = time.monotonic()
            try:
                result = await self.context.chat.chat(prompt.request(), self.context.call)
            except ModelError as error:
                if not error.retryable or attempt == _ATTEMPTS - 1:
                    raise
                await asyncio.sleep(_FIRST_PAUSE_S * 2**attempt)
            else:
                yield _answered(prompt, call, step, result, time.monotonic() - started)

    def said(self, call: str) -> ModelAnswered:
        """The answer to a call that `ask` has finished."""
        answer = self.journal.answer(call)
        assert answer is not None, call
        return answer


def _prompted(prompt: Prompt, call: str, step: str | None) -> ModelPrompted:
    return ModelPrompted(
        call=call,
        step=step,
        purpose=prompt.purpose,
        messages=tuple({"role": message.role, "content": message.content} for message in prompt.messages),
        constraint=_described(prompt.constraint),
    )


def _answered(
    prompt: Prompt, call: str, step: str | None, result: ChatResult, seconds: float
) -> ModelAnswered:
    return ModelAnswered(
        call=call,
        step=step,
        purpose=prompt.purpose,
        text=result.text,
        finish_reason=result.finish_reason,
        model=ModelUse(
            name=result.model.name,
            weights_sha256=result.model.weights_sha256,
            engine=result.model.engine,
            prompt_tokens=result.usage.prompt_tokens,
            completion_tokens=result.usage.completion_tokens,
            cached_tokens=result.usage.cached_tokens,
        ),
        mean_logprob=result.mean_logprob,
        seconds=seconds,
    )


def _described(constraint: Constraint) -> dict[str, Any]:
    kinds = {
        JsonSchemaConstraint: "json_schema",
        VerbatimSpanConstraint: "verbatim_span",
        ChoiceConstraint: "choice",
    }
    plain = {
        key: list(value) if isinstance(value, tuple) else value for key, value in asdict(constraint).items()
    }
    return {"type": kinds[type(constraint)], **plain}
