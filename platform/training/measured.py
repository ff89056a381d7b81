"""What the tenant measures with, and whether examples repeat it: a model that has learnt the questions of its
examination says nothing about itself.

Questions are compared by their words alone: whole ones, and those of eight words or more also by the runs of up
to thirteen words that they have in common with an example (as for GPT-3, arXiv:2005.14165). Whose set a question
stands in doesn't matter, and is not told.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import TenantSession
from secretariat.platform.evaluation.overlap import words
from secretariat.platform.training import repository

RUN, SHORTEST = 13, 8
_HEAD = 2


class Measured:
    """Questions, by their places in the sequence given."""

    def __init__(self, questions: Sequence[str]) -> None:
        self._whole: dict[tuple[str, ...], set[int]] = defaultdict(set)
        self._runs: dict[tuple[str, ...], list[tuple[tuple[str, ...], int]]] = defaultdict(list)
        for place, question in enumerate(questions):
            spoken = tuple(words(question))
            if spoken:
                self._whole[spoken].add(place)
            if len(spoken) >= SHORTEST:
                for run in _runs(spoken, min(RUN, len(spoken))):
                    self._runs[run[:_HEAD]].append((run, place))

    def __bool__(self) -> bool:
        return bool(self._whole)

    def repeated(self, texts: Iterable[str]) -> set[int]:
        """The places of the questions that stand in one of the texts."""
        found: set[int] = set()
        for text in texts:
            spoken = tuple(words(text))
            found |= self._whole.get(spoken, set())
            for start, head in enumerate(_runs(spoken, _HEAD)):
                for run, place in self._runs.get(head, ()):
                    if spoken[start : start + len(run)] == run:
                        found.add(place)
        return found


def _runs(spoken: tuple[str, ...], size: int) -> Iterator[tuple[str, ...]]:
    return (spoken[start : start + size] for start in range(len(spoken) - size + 1))


def told(record: Mapping[str, Any]) -> list[str]:
    """Every text of an example, without what a system's message says to all of them."""
    found = [each["content"] for each in record.get("messages", ()) if each["role"] != "system"]
    return found + [record[name] for name in ("text", "chosen", "rejected") if name in record]


async def questions(session: TenantSession, contents: ContentStore) -> list[str]:
    """Of all sets of questions, and those that were brought to a gate."""
    sets = await contents.get_many(session, await repository.question_words(session))
    gates = await contents.get_many(session, await repository.gate_words(session))
    brought = [one for words_ in gates.values() for one in orjson.loads(words_) if "messages" in one]
    return [orjson.loads(words_)["text"] for words_ in sets.values()] + [
        one["messages"][-1]["content"] for one in brought
    ]
