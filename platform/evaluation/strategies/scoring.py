"""From answers to figures: one answer against the expected ones, and what a strategy comes to. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from secretariat.platform.evaluation.judge import Outcome
from secretariat.platform.evaluation.overlap import token_f1, words
from secretariat.platform.evaluation.strategies.core import ABSTAINED, STRATEGIES
from secretariat.retrieval.measures import interval


@dataclass(frozen=True, slots=True)
class Verdict:
    """`f1`: words shared with the nearest expected answer, 0 where it abstained; 1 for a right abstention."""

    outcome: Outcome
    f1: float


def judged(answer: str, expected: Sequence[str]) -> Verdict:
    """Right: it holds one of the expected answers word by word, or abstains where none is expected.

    An abstention that mustn't be is none of right and wrong.
    """
    abstained = not words(answer) or ABSTAINED.casefold() in answer.casefold()
    if abstained:
        return Verdict("abstained", 0.0 if expected else 1.0)
    f1 = max((token_f1(answer, each) for each in expected), default=0.0)
    given = f" {' '.join(words(answer))} "
    holds = any(f" {' '.join(words(each))} " in given for each in expected)
    return Verdict("right" if holds else "wrong", f1)


@dataclass(frozen=True, slots=True)
class Answered:
    """One question under one strategy, as it was written down (tables.evaluations.StrategyScore)."""

    outcome: Outcome
    answerable: bool
    f1: float
    cited: bool | None
    kept: bool | None
    tokens: int
    seconds: float

    @property
    def right(self) -> bool:
        return self.outcome == ("right" if self.answerable else "abstained")


@dataclass(frozen=True, slots=True)
class Currency:
    """How the things that answers rest on come to be current, for all strategies at once.

    `index_seconds`: from the beginning of a document's ingestion to its end, the median of those in reach.
    `training_seconds`: what making the adapter took. `newer`: documents in reach that came after it was made.
    """

    index_seconds: float | None
    training_seconds: float | None
    newer: int | None


def summary(measured: Mapping[str, Sequence[Answered]], currency: Currency) -> list[dict[str, Any]]:
    """As JSON, in the order in which strategies were asked for. One without answers could not be measured."""
    return [
        _summed(name, rows, currency) if rows else {"strategy": name, "absent": "no_adapter", "figures": None}
        for name, rows in measured.items()
    ]


def _summed(name: str, rows: Sequence[Answered], currency: Currency) -> dict[str, Any]:
    answerable = [one for one in rows if one.answerable]
    unanswerable = [one for one in rows if not one.answerable]
    answered = [one for one in answerable if one.outcome != "abstained"]
    right = sum(one.outcome == "right" for one in answerable)
    figures = {
        "questions": len(rows),
        "answerable": len(answerable),
        "right": right,
        "accuracy": asdict(interval([float(one.outcome == "right") for one in answerable])),
        "f1": asdict(interval([one.f1 for one in answerable])),
        "cited": _share([one.cited is True for one in answered]) if _sees(name) else None,
        "abstained_rightly": _share([one.outcome == "abstained" for one in unanswerable]),
        "abstained_wrongly": _share([one.outcome == "abstained" for one in answerable]),
        "tokens_per_right": round(sum(one.tokens for one in rows) / right, 1) if right else None,
        "seconds_per_right": round(sum(one.seconds for one in rows) / right, 2) if right else None,
        "p50_seconds": round(sorted(one.seconds for one in rows)[math.ceil(len(rows) / 2) - 1], 2),
        "freshness": _freshness(name, currency),
        "forgetting": _forgetting(name, answerable),
    }
    return {"strategy": name, "absent": None, "figures": figures}


def _sees(name: str) -> bool:
    return STRATEGIES[name].sees != "nothing"


def _share(held: Sequence[bool]) -> float | None:
    return sum(held) / len(held) if held else None


def _freshness(name: str, currency: Currency) -> dict[str, Any]:
    """By what a change of a document reaches the answers, and how long that takes."""
    strategy = STRATEGIES[name]
    newer = currency.newer if strategy.adapter else None
    if _sees(name):
        return {"by": "index", "seconds": currency.index_seconds, "newer_documents": newer}
    if strategy.adapter:
        return {"by": "training", "seconds": currency.training_seconds, "newer_documents": newer}
    return {"by": "nothing", "seconds": None, "newer_documents": None}


def _forgetting(name: str, answerable: Sequence[Answered]) -> dict[str, Any]:
    """How many of the right answers stay right once their documents are withheld.

    What sees no documents answers the same without them: decoding is greedy.
    """
    right = [one for one in answerable if one.outcome == "right"]
    if not _sees(name):
        by = "training" if STRATEGIES[name].adapter else "nothing"
        return {"by": by, "asked_again": 0, "still_right": len(right)}
    asked = [one for one in right if one.kept is not None]
    return {
        "by": "deletion",
        "asked_again": len(asked),
        "still_right": sum(one.kept is True for one in asked),
    }
