"""Which passages are nearest to a question by their words: BM25 (Robertson and Zaragoza 2009) in memory.

For choosing sources that mislead. Search in the product is retrieval's; this knows no index and no permission.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from secretariat.models.training.data.contamination import words

_K1, _B = 0.9, 0.4


class Ranking:
    """Over passages that never change."""

    def __init__(self, passages: Sequence[str]) -> None:
        counts = [Counter(words(passage)) for passage in passages]
        sizes = [sum(count.values()) for count in counts]
        mean = sum(sizes) / max(1, len(sizes)) or 1.0
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, count in enumerate(counts):
            damped = _K1 * (1 - _B + _B * sizes[place] / mean)
            for word, often in count.items():
                self._postings[word].append((place, often / (often + damped)))
        self._count = len(counts)

    def best(self, question: str) -> list[int]:
        """Places of passages that share a word with it, best first; equal ones in their order."""
        scores: dict[int, float] = defaultdict(float)
        for word in dict.fromkeys(words(question)):
            held = self._postings.get(word, ())
            rarity = math.log1p((self._count - len(held) + 0.5) / (len(held) + 0.5))
            for place, weight in held:
                scores[place] += rarity * weight
        return sorted(scores, key=lambda place: (-scores[place], place))
