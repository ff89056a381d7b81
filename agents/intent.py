"""What kind of request is it? The model's choice among a few words; code offers only what could apply."""

import math
import re
from collections.abc import AsyncIterator
from typing import Literal, cast

from secretariat.agents.context import Prompt, Run, few_shot
from secretariat.agents.core import IntentClassified, TaskEvent
from secretariat.models.core import ChoiceConstraint

Intent = Literal["question", "report", "calculation"]
CALL = "intent.1"

_WORDS: dict[str, Intent] = {"look up": "question", "calculate": "calculation", "write": "report"}
_SYSTEM = "What does the request need? Reply: look up, calculate or write."
_SHOTS = (
    ("When does the museum open?", "look up"),
    ("What is 12 * 7 + 5?", "calculate"),
    ("Write a report about the bridge.", "write"),
    ("How many people may go up the tower?", "look up"),
    ("How much is 20% of 350?", "calculate"),
    ("We are 14 people: can we rent bicycles there?", "look up"),
    ("Draft a summary of the fire rules.", "write"),
    ("How long may a coach with 40 seats wait at the gate?", "look up"),
)
_TWO_NUMBERS = re.compile(r"\d[^\d]*\D\d|\d\s*%")


def prompt(request: str) -> Prompt:
    """Without two numbers (or a percentage) in the request there is nothing to calculate with."""
    words = [word for word in _WORDS if word != "calculate" or _TWO_NUMBERS.search(request)]
    return Prompt("intent", few_shot(_SYSTEM, _SHOTS, request), ChoiceConstraint(tuple(words)), max_tokens=8)


async def classify(run: Run) -> AsyncIterator[TaskEvent]:
    """Ends in IntentClassified; `confidence` is the probability of the words chosen among those offered."""
    if run.journal.intent is not None:
        return
    async for event in run.ask(prompt(run.task.request), CALL):
        yield event
    answer = run.said(CALL)
    confidence = None if answer.mean_logprob is None else math.exp(answer.mean_logprob)
    yield IntentClassified(intent=_WORDS[answer.text], confidence=confidence)


def classified(run: Run) -> Intent:
    assert run.journal.intent is not None
    return cast("Intent", run.journal.intent.intent)
