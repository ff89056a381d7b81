"""Which of many tools a request is about: the few that are worth putting before the model that chooses.

A small model chooses badly from a long list, and calls something where nothing fits; how near a tool's line comes
to the words of a request says much of both. Knows no schema and no prompt; `make bench-tools` fits the numbers.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from secretariat.models.client import Embedder
from secretariat.models.core import CallContext

SLOPE, OFFSET = 14.37, 4.86
"""Natural log odds that a tool is the wanted one: SLOPE times the cosine of request and tool, less OFFSET."""
_BEHIND = 2.0  # log odds behind the best: there a tool is never the wanted one
_OF_ALL, _OF_EACH = (
    4,
    3,
)  # tools for a plan: the nearest to the request and to each clause, and who gives what they take
_SHORTEST = 6  # characters of a clause
_BREAKS = re.compile(
    r"(?:[.?!;:,]\s+|\s+(?=and\b|then\b))(?:(?:and|then|after that|also)\s+)*", re.IGNORECASE
)
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_EDGES = " ,;:.?!"

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ToolCard:
    """What a list of tools says of one. `parameters`: their names."""

    name: str
    meaning: str
    parameters: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return f"{_spaced(self.name)}: {self.meaning}"

    def gives(self, parameter: str) -> bool:
        """Whether its line speaks of what another takes, and it doesn't take that itself."""
        said = set(map(_stem, _words(self.text)))
        return parameter not in self.parameters and set(map(_stem, _words(_spaced(parameter)))) <= said


async def for_a_call(
    request: str, cards: Sequence[ToolCard], embedder: Embedder, call: CallContext
) -> list[int]:
    """Places of the tools that may be the one that is wanted; none where none comes near. Raises ModelError."""
    if not cards:
        return []
    odds = SLOPE * (await nearness([request], cards, embedder, call))[0] - OFFSET
    least = max(0.0, float(odds.max()) - _BEHIND)
    return [place for place, each in enumerate(odds) if each >= least]


async def for_a_plan(
    request: str, cards: Sequence[ToolCard], embedder: Embedder, call: CallContext
) -> list[int]:
    """Places of tools, about in the order in which the request needs them, each behind those that give what it
    takes. Raises ModelError."""
    if not cards:
        return []
    to_all, *to_clauses = await nearness([request, *clauses(request)], cards, embedder, call)
    chosen = _nearest(to_all, _OF_ALL)
    for to_one in to_clauses:
        chosen += [place for place in _nearest(to_one, _OF_EACH) if place not in chosen]
    about = np.argmax(to_clauses, axis=0)
    listed: list[int] = []
    for place in sorted(chosen, key=lambda one: (about[one], -to_clauses[about[one]][one])):
        _list(place, cards, listed)
    return listed


def clauses(request: str) -> list[str]:
    """A request's parts in its own words, in order; the request where it has none."""
    parts = [part.strip(_EDGES) for part in _BREAKS.split(request)]
    return [part for part in parts if len(part) >= _SHORTEST] or [request]


def _nearest(nearness: Floats, most: int) -> list[int]:
    return [int(place) for place in np.argsort(-nearness, kind="stable")[:most]]


def _list(place: int, cards: Sequence[ToolCard], listed: list[int]) -> None:
    """The tool, behind those that give what it takes."""
    if place in listed:
        return
    takes = cards[place].parameters
    for other, card in enumerate(cards):
        if other != place and other not in listed and any(card.gives(one) for one in takes):
            listed.append(other)
    listed.append(place)


async def nearness(
    texts: Sequence[str], cards: Sequence[ToolCard], embedder: Embedder, call: CallContext
) -> Floats:
    """[texts, tools]: cosines."""
    made = await embedder.embed([*texts, *(card.text for card in cards)], call)
    vectors = np.stack([np.frombuffer(vector, "<f4") for vector in made.vectors])
    nearness: Floats = vectors[: len(texts)] @ vectors[len(texts) :].T
    return nearness


def _spaced(name: str) -> str:
    return _HUMPS.sub(" ", re.sub(r"[._-]+", " ", name))


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def _stem(word: str) -> str:
    return word.removesuffix("s")
