"""Which terms stand in which rows of a block, and how often: sorted arrays that never change once made.

Knows nothing of permissions, scores or languages. Rows are counted from the block's first.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.uint16]
Counts = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Postings:
    """`terms` are sorted; term i has rows[starts[i] : starts[i + 1]], ascending, each with its count.

    Counts are exact up to 2,048 (float16), where BM25 has long been flat. `lengths` holds a row's number of
    terms, 0 for a row that is gone.
    """

    terms: tuple[str, ...]
    starts: NDArray[np.int64]
    rows: Rows
    counts: Counts
    lengths: NDArray[np.float64]

    @classmethod
    def of(cls, counted: Sequence[Mapping[str, float]]) -> "Postings":
        """From the terms of each row with their counts."""
        numbers: dict[str, int] = {}
        term_of = [numbers.setdefault(term, len(numbers)) for terms in counted for term in terms]
        sizes = np.fromiter((len(terms) for terms in counted), np.int64, len(counted))
        counts = np.fromiter(
            chain.from_iterable(terms.values() for terms in counted), np.float64, len(term_of)
        )
        lengths = np.fromiter((sum(terms.values()) for terms in counted), np.float64, len(counted))
        rows = np.repeat(np.arange(len(counted)), sizes)
        return _sorted(tuple(numbers), np.array(term_of, dtype=np.int64), rows, counts, lengths)

    @classmethod
    def joined(cls, parts: "Sequence[Postings]") -> "Postings":
        """Those of several blocks, one behind the other."""
        terms = tuple(sorted({*chain.from_iterable(part.terms for part in parts)}))
        numbers = {term: number for number, term in enumerate(terms)}
        firsts = np.cumsum([0, *(len(part.lengths) for part in parts)])
        return _sorted(
            terms,
            np.concatenate([part.renumbered(numbers) for part in parts]),
            np.concatenate([part.rows + first for part, first in zip(parts, firsts, strict=False)]),
            np.concatenate([part.counts for part in parts]),
            np.concatenate([part.lengths for part in parts]),
        )

    def of_term(self, term: str) -> tuple[Rows, Counts]:
        at = bisect_left(self.terms, term)
        if at == len(self.terms) or self.terms[at] != term:
            return self.rows[:0], self.counts[:0]
        place = slice(int(self.starts[at]), int(self.starts[at + 1]))
        return self.rows[place], self.counts[place]

    def only(self, kept: NDArray[np.bool_], *, closed_up: bool) -> "Postings":
        """Without the rows that aren't flagged; terms that stood only there are forgotten.

        `closed_up`: the rows that are left are counted anew, without gaps.
        """
        here = kept[self.rows]
        place = np.cumsum(kept) - 1 if closed_up else np.arange(len(kept))
        numbers = np.repeat(np.arange(len(self.terms)), np.diff(self.starts))[here]
        lengths = self.lengths[kept] if closed_up else self.lengths * kept
        return _sorted(self.terms, numbers, place[self.rows[here]], self.counts[here], lengths)

    def renumbered(self, numbers: Mapping[str, int]) -> NDArray[np.int64]:
        """For each posting the number of its term."""
        own = np.fromiter((numbers[term] for term in self.terms), np.int64, len(self.terms))
        return np.repeat(own, np.diff(self.starts))


def _sorted(
    terms: tuple[str, ...],
    numbers: NDArray[np.int64],
    rows: NDArray[np.int64],
    counts: NDArray[np.float64] | Counts,
    lengths: NDArray[np.float64],
) -> Postings:
    """Postings in any order of terms, and in order of rows within each term; unused terms fall away."""
    sizes = np.bincount(numbers, minlength=len(terms))
    used = sorted((term, number) for number, term in enumerate(terms) if sizes[number])
    place = np.zeros(len(terms), dtype=np.int32)
    place[[number for _, number in used]] = np.arange(len(used))
    order = np.argsort(place[numbers], kind="stable")
    return Postings(
        tuple(term for term, _ in used),
        np.concatenate([[0], np.cumsum(sizes[[number for _, number in used]])]).astype(np.int64),
        rows[order].astype(np.uint16),
        counts[order].astype(np.float16),
        lengths.astype(np.float64),
    )
