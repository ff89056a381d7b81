"""A block: some thousands of consecutive rows of a view, as arrays that never change once made.

Owns what is kept of a chunk and how it comes back. A row that is gone stays as an empty place, without words,
terms or vector, until the view closes its rows up.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import chain, pairwise
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray

from secretariat.retrieval.core import Chunk, Span
from secretariat.retrieval.errors import RetrievalError
from secretariat.retrieval.index.codes import Codes
from secretariat.retrieval.index.dense import Mask, Vectors
from secretariat.retrieval.index.postings import Postings

ROWS = 16_384
"""The most rows that blocks are joined into: what a removal rewrites, in memory and on disk."""

_NONE = -(2**63)
FACTS = np.dtype(
    [
        ("id", "V16"), ("document", "V16"), ("collection", "V16"), ("seq", "<i8"), ("ordinal", "<i4"),
        ("start", "<i8"), ("end", "<i8"), ("page", "<i8"), ("signature", "<i8"), ("signed", "?"),
        ("title", "<i4"), ("path", "<i4"),
    ]
)  # fmt: skip
Facts = NDArray[np.void]
Path = tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """One row a chunk, in order of seq; `seq` 0 marks a row that is gone. `vectors` are [rows, dimension].

    `texts` holds the rows' texts one behind the other, `ends` where each ends. `facts` refer to `titles` and
    `paths` (heading paths) by number. `name` is what the block is called on disk.
    """

    facts: Facts
    vectors: Vectors
    postings: Postings
    texts: bytes
    ends: NDArray[np.int64]
    titles: tuple[str, ...]
    paths: tuple[Path, ...]
    name: UUID = field(default_factory=uuid4)

    @classmethod
    def of(cls, chunks: Sequence[Chunk], postings: Postings) -> "Block":
        """Raises RetrievalError when the vectors aren't all of one dimension."""
        if len({len(chunk.vector) for chunk in chunks}) != 1:
            raise RetrievalError("The chunks were embedded by different models. Embed the documents anew.")
        titles: dict[str, int] = {}
        paths: dict[Path, int] = {}
        facts = np.array(
            [
                (
                    chunk.id.bytes, chunk.document_id.bytes, chunk.collection_id.bytes, chunk.seq,
                    chunk.ordinal, chunk.span.start, chunk.span.end,
                    _NONE if chunk.page is None else chunk.page,
                    0 if chunk.signature is None else chunk.signature, chunk.signature is not None,
                    titles.setdefault(chunk.document_title, len(titles)),
                    paths.setdefault(chunk.heading_path, len(paths)),
                )
                for chunk in chunks
            ],
            dtype=FACTS,
        )  # fmt: skip
        texts = [chunk.text.encode() for chunk in chunks]
        vectors = np.frombuffer(b"".join(chunk.vector for chunk in chunks), dtype="<f4")
        return cls(
            facts,
            vectors.astype(np.float32).reshape(len(chunks), -1),
            postings,
            b"".join(texts),
            np.cumsum([len(text) for text in texts]),
            tuple(titles),
            tuple(paths),
        )

    @classmethod
    def joined(cls, blocks: "Sequence[Block]") -> "Block":
        """Several blocks, one behind the other, as one."""
        titles = {title: None for block in blocks for title in block.titles}
        paths = {path: None for block in blocks for path in block.paths}
        title_numbers = {title: number for number, title in enumerate(titles)}
        path_numbers = {path: number for number, path in enumerate(paths)}
        facts = np.concatenate([block.facts for block in blocks])
        facts["title"] = _renumbered([(b.facts["title"], b.titles) for b in blocks], title_numbers)
        facts["path"] = _renumbered([(b.facts["path"], b.paths) for b in blocks], path_numbers)
        offsets = np.cumsum([0, *(len(block.texts) for block in blocks)])
        return cls(
            facts,
            np.concatenate([block.vectors for block in blocks]),
            Postings.joined([block.postings for block in blocks]),
            b"".join(block.texts for block in blocks),
            np.concatenate([block.ends + offset for block, offset in zip(blocks, offsets, strict=False)]),
            tuple(titles),
            tuple(paths),
        )

    def __len__(self) -> int:
        return len(self.facts)

    @cached_property
    def live(self) -> Mask:
        return np.asarray(self.facts["seq"] != 0)

    @cached_property
    def codes(self) -> Codes:
        """Of its vectors: made at the first search that has many rows in reach, and kept."""
        return Codes.of(self.vectors)

    def ids(self) -> Iterator[tuple[int, bytes]]:
        """(row, chunk id) of each row that isn't gone."""
        ids = self.facts["id"].tobytes()
        for row in np.flatnonzero(self.live).tolist():
            yield row, ids[16 * row : 16 * row + 16]

    def chunk(self, row: int) -> Chunk:
        """The chunk of a row that isn't gone, whole."""
        return self.chunks([row])[0]

    def chunks(self, rows: Sequence[int]) -> list[Chunk]:
        """Of rows that aren't gone, in their order."""
        width = self.vectors.shape[1] * 4
        vectors = self.vectors[rows].astype("<f4").tobytes()
        return [
            self._chunk(facts, self.text(row), vectors[place * width : (place + 1) * width])
            for place, (row, facts) in enumerate(zip(rows, self.facts[rows].tolist(), strict=True))
        ]

    def _chunk(self, facts: tuple[Any, ...], text: bytes, vector: bytes) -> Chunk:
        """`facts` as FACTS names them."""
        key, document, collection, seq, ordinal, start, end, page, signature, signed, title, path = facts
        return Chunk(
            id=UUID(bytes=key),
            collection_id=UUID(bytes=collection),
            document_id=UUID(bytes=document),
            document_title=self.titles[title],
            ordinal=ordinal,
            span=Span(start, end),
            text=text.decode(),
            heading_path=self.paths[path],
            sha256=sha256(text).hexdigest(),
            vector=vector,
            seq=seq,
            page=None if page == _NONE else page,
            signature=signature if signed else None,
        )

    def text(self, row: int) -> bytes:
        return self.texts[int(self.ends[row - 1]) if row else 0 : int(self.ends[row])]

    def without(self, rows: Sequence[int]) -> "Block":
        """The same places, with nothing left of these rows."""
        kept = self.live.copy()
        kept[rows] = False
        facts = self.facts.copy()
        facts[~kept] = np.zeros((), dtype=FACTS)
        vectors = np.where(kept[:, None], self.vectors, np.float32(0))
        return self._with(facts, vectors, self.postings.only(kept, closed_up=False), kept)

    def closed_up(self) -> "Block":
        """Only the rows that aren't gone."""
        kept = self.live
        postings = self.postings.only(kept, closed_up=True)
        return self._with(self.facts[kept], self.vectors[kept], postings, kept)

    def _with(self, facts: Facts, vectors: Vectors, postings: Postings, kept: Mask) -> "Block":
        """Around facts whose rows are the flagged ones (or all, emptied where not flagged)."""
        closed = len(facts) != len(kept)
        places = np.flatnonzero(kept).tolist() if closed else range(len(kept))
        texts = [self.text(row) if kept[row] else b"" for row in places]
        used_titles = sorted(set(self.facts["title"][kept].tolist()))
        used_paths = sorted(set(self.facts["path"][kept].tolist()))
        alive = facts["seq"] != 0
        for name, used in (("title", used_titles), ("path", used_paths)):
            place = np.zeros(max(used, default=0) + 1, dtype=np.int32)
            place[used] = np.arange(len(used))
            facts[name][alive] = place[facts[name][alive]]
        return Block(
            facts,
            vectors,
            postings,
            b"".join(texts),
            np.cumsum([len(text) for text in texts], dtype=np.int64),
            tuple(self.titles[number] for number in used_titles),
            tuple(self.paths[number] for number in used_paths),
        )


def runs(facts: Facts) -> Iterator[tuple[slice, bytes, bytes]]:
    """(rows, document id, collection id) of neighbours that belong to the same document and collection."""
    if not len(facts):
        return
    documents, collections = facts["document"].tobytes(), facts["collection"].tobytes()
    changes = np.flatnonzero(
        (facts["document"][1:] != facts["document"][:-1])
        | (facts["collection"][1:] != facts["collection"][:-1])
    )
    for start, stop in pairwise(chain([0], (changes + 1).tolist(), [len(facts)])):
        at = slice(16 * start, 16 * start + 16)
        yield slice(start, stop), documents[at], collections[at]


def _renumbered(
    parts: Sequence[tuple[NDArray[np.int32], Sequence[object]]], numbers: Mapping[Any, int]
) -> NDArray[np.int32]:
    """References into several lists as references into the one that `numbers` tells the places of."""
    return np.concatenate(
        [
            np.array([numbers[name] for name in names] or [0], dtype=np.int32)[column]
            for column, names in parts
        ]
    )
