"""A running summary: the lines of what was said before the window, as many as a budget holds.

It is made of the conversation's own words, so nothing in it is invented: a statement stands as it was made, a
question with the words that answered it. When the lines go over the budget, the one that says least that no other
line says goes first, the older of two equals.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from secretariat.agents.conversation.core import Exchange
from secretariat.agents.conversation.kind import kind_of

BUDGET = 1200  # characters
_LONGEST_LINE = 200
_WORD = re.compile(r"\w{3,}")


@dataclass(frozen=True, slots=True)
class SummaryLine:
    turn_id: UUID
    text: str


def extended(lines: Sequence[SummaryLine], leaving: Exchange) -> tuple[SummaryLine, ...]:
    """With what an exchange that leaves the window said, inside the budget."""
    text = _line(leaving)
    kept = [*lines, SummaryLine(leaving.turn_id, text)] if text else list(lines)
    while sum(len(line.text) + 1 for line in kept) > BUDGET and len(kept) > 1:
        kept.pop(_least_telling(kept))
    return tuple(kept)


def _line(exchange: Exchange) -> str:
    kind = kind_of(exchange.text)
    if kind in ("small_talk", "about_conversation"):
        return ""
    if kind == "telling":
        return _cut(exchange.text)
    said = exchange.quotes[0] if exchange.quotes else exchange.answer
    return _cut(f"{exchange.question or exchange.text} {said}")


def _cut(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _LONGEST_LINE else plain[:_LONGEST_LINE].rsplit(" ", 1)[0] + "…"


def _least_telling(lines: Sequence[SummaryLine]) -> int:
    words = [set(_WORD.findall(line.text.lower())) for line in lines]

    def own_share(index: int) -> float:
        others = set().union(*(each for other, each in enumerate(words) if other != index))
        return len(words[index] - others) / (len(words[index]) or 1)

    return min(range(len(lines)), key=own_share)
