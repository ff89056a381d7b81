"""A follow-up as a question that stands alone: what "it" is, and what "and on Sundays?" asks.

Rules say whether a question leans on what was said before, and make the few ways to complete it, in words that
stand in the conversation. Where there is more than one way the chat model chooses, under a grammar that holds
nothing else. A question that leans on nothing stays as it was asked.
"""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal

from secretariat.agents.context import Prompt, Run, few_shot
from secretariat.agents.conversation.core import Exchange
from secretariat.agents.core import TaskEvent
from secretariat.models.core import ChoiceConstraint

CALL = "resolve.1"
MOST_CANDIDATES = 4
_LOOK_BACK = 3
_SHORT = 3

_LEANS = re.compile(
    r"\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers|there|then|those|these|this|the same|the former"
    r"|the latter|the first one|the second one|the other one|the others?)\b"
    r"|\bthat\b(?!\s+(?:i|we|you|he|she|they|it|the|a|an|any|each|my|our|is|are)\b)|\bones?\b(?=\s*\??$)",
    re.IGNORECASE,
)
_CONTINUES = re.compile(
    r"^(?:and|or|but|so)\b|^(?:what|how) about\b|^also\b|^(?:why|when|where|who|how|how so|since when)\s*\??$",
    re.IGNORECASE,
)
_LEAD = re.compile(r"^(?:(?:and|or|but|so|also|then|what about|how about)\b[\s,]*)+", re.IGNORECASE)
_PRONOUN = re.compile(
    r"\b(its|their|theirs|his|hers|her(?=\s+\w))\b|\b(it|they|them|he|him|she|her)\b|\b((?:this|that|these|those)(?:\s+(?:one|ones))?)\b",
    re.IGNORECASE,
)
_NOUN_PHRASE = re.compile(
    r"\b(?:the|a|an|my|our|your|each|every|any)\s+((?:[\w-]+\s+){0,3}?[\w-]+)(?=\s+(?:of|in|on|at|for|from|to|with|by|and|or|is"
    r"|are|was|were|be|been|cost|costs|take|takes|last|lasts|have|has|may|must|can|will|do|does|open|close)\b|[?.,;:!]|$)",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-Z][\w-]*(?:\s+[A-Z][\w-]*)*")
_DETERMINER = re.compile(
    r"^(?:(?:for|in|on|at|of|to|from|by|with|about)\s+)?(?:(?:the|a|an)\s+)?", re.IGNORECASE
)
_TWICE = re.compile(r"\b(\w+)(?:\s+\1\b)+", re.IGNORECASE)
_WORD = re.compile(r"[\w'-]+")
_LITTLE_WORDS = """a about an and any are as at be by can did do does each for from had has have how i if in is it
    its long many may me much my of often on one or our shall should so than that the their them then there these
    they this to until up us was we were what when where which who whom whose why will with would you your"""
_LITTLE = frozenset(_LITTLE_WORDS.split())
_SYSTEM = "Complete the last question so that it can be understood alone."
_SHOTS = (
    ("How long is a grey ticket valid?\nA grey ticket is valid for a week.\nWhat does it cost?",
     "What does a grey ticket cost?"),
    ("Who bakes the rye bread?\nRye bread is baked by Tom Hale.\nAnd the cakes?", "Who bakes the cakes?"),
    ("When is the piano room locked?\nThe piano room is locked at ten.\nWho has the key to it?",
     "Who has the key to the piano room?"),
    ("How many steps does the tower have?\nThe tower has 88 steps.\nAnd the chapel?",
     "How many steps does the chapel have?"),
)  # fmt: skip

By = Literal["as_asked", "rule", "model"]


@dataclass(frozen=True, slots=True)
class Resolved:
    question: str
    by: By


def leans(text: str) -> bool:
    """Whether the question can't be understood without what was said before it."""
    plain = " ".join(text.split())
    words = [word for word in _WORD.findall(plain.lower()) if word not in _LITTLE]
    if _CONTINUES.search(plain) or not words:
        return True
    leaning = _LEANS.search(plain)
    if leaning is None:
        return False
    before = plain[: leaning.start()]
    return not (_NAME.search(before) or _NOUN_PHRASE.search(before))


def candidates(text: str, window: Sequence[Exchange]) -> list[str]:
    """Ways to complete it, the likeliest first; the words of the exchange before come before older ones."""
    plain = " ".join(text.split())
    made: list[str] = []
    for exchange in reversed(window[-_LOOK_BACK:]):
        if not exchange.question:
            continue
        if _CONTINUES.search(plain):
            made += _continued(plain, exchange)
        if _PRONOUN.search(plain):
            made += [_with(plain, phrase) for phrase in _phrases(exchange)]
    return list(dict.fromkeys(each for each in made if each.lower() != plain.lower()))[:MOST_CANDIDATES]


def fallback(text: str, window: Sequence[Exchange]) -> str:
    """The question beside the one before it, where no rule knows better."""
    before = next((exchange.question for exchange in reversed(window) if exchange.question), "")
    return f"{before.rstrip('?. ')} – {' '.join(text.split())}" if before else text


async def resolve(run: Run, text: str, window: Sequence[Exchange]) -> AsyncIterator[TaskEvent]:
    """Asks the model where rules leave several ways; `resolved` tells what it came to."""
    ways = _ways(text, window)
    if len(ways) > 1:
        async for event in run.ask(_prompt(text, window, ways), CALL):
            yield event


def resolved(run: Run, text: str, window: Sequence[Exchange]) -> Resolved:
    if not window or not leans(text):
        return Resolved(text, "as_asked")
    ways = _ways(text, window)
    if not ways:
        return Resolved(fallback(text, window), "rule")
    return Resolved(ways[0], "rule") if len(ways) == 1 else Resolved(run.said(CALL).text, "model")


def _ways(text: str, window: Sequence[Exchange]) -> list[str]:
    return candidates(text, window) if window and leans(text) else []


def _prompt(text: str, window: Sequence[Exchange], ways: Sequence[str]) -> Prompt:
    asked = [exchange for exchange in window[-_LOOK_BACK:] if exchange.question][-1:]
    said = [line for exchange in asked for line in (exchange.question, *exchange.quotes[:1])]
    question = "\n".join([*(" ".join(line.split()) for line in said), " ".join(text.split())])
    constraint = ChoiceConstraint(tuple(ways))
    return Prompt("resolve", few_shot(_SYSTEM, _SHOTS, question), constraint, max_tokens=80)


def _phrases(exchange: Exchange) -> list[str]:
    """What the exchange was about: its question's nouns and names, then those of what was quoted."""
    found: list[str] = []
    for text in (exchange.question, *exchange.quotes[:2]):
        found += [f"the {match[1]}" for match in _NOUN_PHRASE.finditer(text)]
        found += _NAME.findall(text)
    return [phrase for phrase in dict.fromkeys(found) if _telling(phrase)]


def _telling(phrase: str) -> bool:
    return any(word.lower() not in _LITTLE for word in _WORD.findall(phrase))


def _with(text: str, phrase: str) -> str:
    """The first pronoun made the phrase; a possessive made its owner."""

    def replaced(match: re.Match[str]) -> str:
        return f"{phrase}'s" if match[1] else phrase

    return _PRONOUN.sub(replaced, _LEAD.sub("", text), count=1)


def _continued(text: str, exchange: Exchange) -> list[str]:
    """The question before with what is new in the place of one of its phrases."""
    new = _LEAD.sub("", text).rstrip("?. ")
    if not _telling(new) or len(_WORD.findall(new)) > 2 * _SHORT:
        return []
    before = exchange.question
    spots = [*_NAME.findall(before), *(match[1] for match in _NOUN_PHRASE.finditer(before))]
    spots += [word for word in _WORD.findall(before) if word.lower() not in _LITTLE and len(word) > _SHORT]
    bare = _DETERMINER.sub("", new)
    return [_TWICE.sub(r"\1", before.replace(spot, bare, 1)) for spot in dict.fromkeys(spots)]
