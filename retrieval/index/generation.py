"""What one search sees: the blocks of a view at one number of the log, and the ways to rank in them.

A generation never changes. A change makes the next one, which shares all blocks that it didn't touch, so
searches go on undisturbed while the view is written, closed up, or given another way to search.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from uuid import UUID

import numpy as np

from secretariat.retrieval.core import Chunk, Permit
from secretariat.retrieval.errors import RetrievalError
from secretariat.retrieval.index.analyzer import Analyzer
from secretariat.retrieval.index.approximate import Approximate
from secretariat.retrieval.index.block import ROWS, Block, runs
from secretariat.retrieval.index.dense import DenseIndex, Mask
from secretariat.retrieval.index.lexical import LexicalIndex, best_scored, counted
from secretariat.retrieval.index.postings import Postings
from secretariat.retrieval.index.roster import Reach, Roster, Within

EXACT_REACH = 32_000
"""Up to so many rows in reach are all scanned: a matter of milliseconds, and what is found is what an index of
these rows alone would find."""
_GROWTH = 3
_STALE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Rankings:
    """Rows best first, by cosine and by BM25, and the chunks they stand for.

    `bm25` holds the scores of all of these, `cosines` those of the rows in `dense`. Rows
    mean nothing elsewhere. Scores depend on nothing that isn't in reach.
    """

    dense: list[int]
    lexical: list[int]
    chunks: dict[int, Chunk]
    reach: Reach
    cosines: Mapping[int, float]
    bm25: Mapping[int, float]


@dataclass(frozen=True)
class Generation:
    """`seq`: every entry of the log up to it is in. Rows are numbered through the blocks."""

    seq: int
    blocks: tuple[Block, ...]
    roster: Roster
    analyzer: Analyzer
    approximate: Approximate | None = None
    exact_reach: int = EXACT_REACH

    @cached_property
    def firsts(self) -> tuple[int, ...]:
        return (0, *accumulate(len(block) for block in self.blocks))[: len(self.blocks)]

    @cached_property
    def rows(self) -> int:
        """Those that are gone included."""
        return sum(len(block) for block in self.blocks)

    @cached_property
    def live(self) -> Mask:
        return np.concatenate([np.empty(0, dtype=np.bool_), *(block.live for block in self.blocks)])

    @cached_property
    def size(self) -> int:
        return int(np.count_nonzero(self.live))

    @cached_property
    def _dense(self) -> DenseIndex:
        vectors = [block.vectors for block in self.blocks]
        return DenseIndex(vectors, lambda: [block.codes for block in self.blocks])

    @cached_property
    def _lexical(self) -> LexicalIndex:
        return LexicalIndex([block.postings for block in self.blocks], self.analyzer)

    def chunks(self, rows: Iterable[int]) -> dict[int, Chunk]:
        """Of rows that aren't gone, by row."""
        found: dict[int, Chunk] = {}
        for number, here in self._by_block(sorted(rows)).items():
            made = self.blocks[number].chunks(here)
            found.update(zip([self.firsts[number] + row for row in here], made, strict=True))
        return found

    def around(self, chunk: Chunk, count: int) -> list[Chunk]:
        """Of the chunk's document those that stand at most so many places from it, itself among them, in order."""
        rows = self.roster.rows_of(chunk.document_id)
        found: list[Chunk] = []
        for block, first in zip(self.blocks, self.firsts, strict=True):
            here = rows[(rows >= first) & (rows < first + len(block))] - first
            near = here[np.abs(block.facts["ordinal"][here] - chunk.ordinal) <= count]
            found += block.chunks(near.tolist())
        return sorted(found, key=lambda one: one.ordinal)

    def rank(self, query: str, vector: bytes, permit: Permit, within: Within, pool: int) -> Rankings:
        """The best `pool` chunks by either measure, out of the chunks in reach alone."""
        reach = self.roster.reach(permit, within)
        cosines = dict(self.nearest(vector, reach, pool))
        bm25 = self._lexical.scores(query, reach.mask)
        lexical = [row for row, _ in best_scored(bm25, reach.rows, pool)]
        chunks = self.chunks({*cosines, *lexical})
        rows = [*chunks]
        said = dict(zip(rows, bm25[rows].tolist(), strict=True))
        return Rankings([*cosines], lexical, chunks, reach, cosines, said)

    def nearest(self, vector: bytes, reach: Reach, k: int) -> list[tuple[int, float]]:
        """The k rows in reach nearest to a vector, best first: exactly, unless there are too many to look at."""
        near = self.approximate
        if near is None or reach.rows.size <= self.exact_reach:
            return self._dense.search(vector, reach.rows, k)
        since = reach.rows[np.searchsorted(reach.rows, near.covered) :]
        probable = np.concatenate([near.candidates(vector, reach.mask, k), since])
        return self._dense.search(vector, probable, k)

    def changed(self, gone: Sequence[int], added: Sequence[Chunk], seq: int) -> "Generation":
        """With rows gone and chunks added behind the last. Raises RetrievalError on another dimension."""
        blocks, roster = list(self.blocks), self.roster.fork()
        roster.remove(gone)
        for number, rows in self._by_block(gone).items():
            blocks[number] = blocks[number].without(rows)
        if added:
            block = Block.of(added, Postings.of([counted(self.analyzer, _indexed(chunk)) for chunk in added]))
            if blocks and blocks[0].vectors.shape[1] != block.vectors.shape[1]:
                raise RetrievalError(
                    "The chunks were embedded by different models. Embed the documents anew."
                )
            roster.add(self.rows, added)
            blocks = _joined([*blocks, block])
        return self.next(seq=seq, blocks=tuple(blocks), roster=roster)

    def closed_up(self) -> "Generation":
        """Without the places of rows that are gone: rows are numbered anew, and the next look is exact."""
        blocks: list[Block] = []
        for block in self.blocks:
            if block.live.any():
                blocks = _joined([*blocks, block if block.live.all() else block.closed_up()])
        return self.next(blocks=tuple(blocks), roster=rostered(blocks), approximate=None)

    def next(self, **changes: object) -> "Generation":
        """One with other values in some fields."""
        kept = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return Generation(**{**kept, **changes})

    @property
    def has_outgrown_what_was_learnt(self) -> bool:
        near = self.approximate
        return (
            near is None
            or near.holds_what_is_gone(self.live)
            or self.rows - near.covered > _STALE_SHARE * self.rows
        )

    def _by_block(self, rows: Sequence[int]) -> dict[int, list[int]]:
        found: dict[int, list[int]] = defaultdict(list)
        for row in rows:
            number = bisect_right(self.firsts, row) - 1
            found[number].append(row - self.firsts[number])
        return found


def rostered(blocks: Sequence[Block]) -> Roster:
    """The roster of blocks one behind the other."""
    roster, first = Roster(), 0
    for block in blocks:
        roster.add_runs(
            first,
            (
                (rows.stop - rows.start, UUID(bytes=document), UUID(bytes=collection))
                for rows, document, collection in runs(block.facts)
            ),
        )
        roster.remove((np.flatnonzero(~block.live) + first).tolist())
        first += len(block)
    return roster


def _indexed(chunk: Chunk) -> str:
    """The words that a chunk is found by."""
    return f"{' '.join((chunk.document_title, *chunk.heading_path))}\n{chunk.text}"


def _joined(blocks: list[Block]) -> list[Block]:
    """Small blocks at the end become one, so that their number grows with the logarithm of the rows."""
    start, size = len(blocks) - 1, len(blocks[-1])
    while start and len(blocks[start - 1]) < _GROWTH * size and len(blocks[start - 1]) + size <= ROWS:
        start -= 1
        size += len(blocks[start])
    return [*blocks[:start], Block.joined(blocks[start:])] if start < len(blocks) - 1 else blocks
