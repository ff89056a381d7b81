"""Whether texts repeat questions that are measured with. Pure.

Questions are compared by their words alone: whole ones, and those of eight words or more also by the runs of up
to thirteen words that they have in common with a text (as for GPT-3, arXiv:2005.14165).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from secretariat.platform.evaluation.overlap import words

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
