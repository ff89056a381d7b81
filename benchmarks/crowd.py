"""A large tenant: chunks with vectors like those of texts, in documents and collections, granted to principals.

The vectors are made of real ones. Passages of the public test collections are embedded once; each chunk is a
passage's vector mixed with one of its neighbours' and some noise, so distances between neighbours are those of
texts, and the collections' own queries are the queries. Nothing is searched for by name: only distances count.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

import numpy as np
from numpy.typing import NDArray

from secretariat.retrieval.core import Chunk, Span

DATA = Path(__file__).parents[2] / "shared" / "data" / "ir"
CACHE = Path(__file__).parents[1] / ".secretariat" / "benchmarks" / "crowd"
COLLECTIONS, DOCUMENTS, CHUNKS_EACH = 200, 20_000, 10
PRINCIPALS, OF_EACH_CALLER = 1_000, 4
_HOMES_EACH, _SINGLES_EACH, _DENIED_EACH = 4, 110, 10
_WORDS, _WORDS_EACH = 30_000, 40
_PASSAGE, _EVERY = 200, 3
"""Characters of a passage that are embedded, of every third passage: neighbours are all that is wanted."""

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Grant:
    """`effect` allow or deny, for one principal on a `collection` or a `document`."""

    principal: int
    resource: str
    resource_id: UUID
    effect: str


@dataclass(frozen=True)
class Crowd:
    """`vectors` [chunks, dimension]; chunk n belongs to document n // CHUNKS_EACH. `queries` [n, dimension]."""

    vectors: Vectors
    queries: Vectors

    @property
    def documents(self) -> int:
        return len(self.vectors) // CHUNKS_EACH

    def collection_of(self, document: int) -> int:
        return document % COLLECTIONS

    def chunks(self) -> Iterator[Chunk]:
        """In the order of their numbers; words are drawn as they occur in texts: few often, most rarely."""
        draw = np.random.default_rng(5)
        vocabulary = [f"w{number:x}" for number in range(_WORDS)]
        weights = 1.0 / np.arange(1, _WORDS + 1)
        drawn = draw.choice(_WORDS, (len(self.vectors), _WORDS_EACH), p=weights / weights.sum())
        for number, vector in enumerate(self.vectors):
            document = number // CHUNKS_EACH
            text = " ".join(vocabulary[word] for word in drawn[number])
            yield Chunk(
                id=name("chunk", number),
                collection_id=name("collection", self.collection_of(document)),
                document_id=name("document", document),
                document_title=f"Document {document}",
                ordinal=number % CHUNKS_EACH,
                span=Span(0, len(text)),
                text=text,
                heading_path=(),
                sha256="",
                vector=vector.astype("<f4").tobytes(),
                seq=0,
            )

    def grants(self) -> list[Grant]:
        """Each principal is let into some collections and single documents, and kept out of a few."""
        draw = np.random.default_rng(6)
        made = []
        for principal in range(PRINCIPALS):
            homes = draw.choice(COLLECTIONS, _HOMES_EACH, replace=False)
            documents = draw.choice(self.documents, _SINGLES_EACH + _DENIED_EACH, replace=False)
            made += [Grant(principal, "collection", name("collection", int(home)), "allow") for home in homes]
            for place, document in enumerate(documents):
                effect = "allow" if place < _SINGLES_EACH else "deny"
                made.append(Grant(principal, "document", name("document", int(document)), effect))
        return made

    def callers(self, count: int) -> list[list[int]]:
        """The principals that each caller has."""
        draw = np.random.default_rng(7)
        return [draw.choice(PRINCIPALS, OF_EACH_CALLER, replace=False).tolist() for _ in range(count)]


def name(kind: str, number: int) -> UUID:
    return uuid5(NAMESPACE_URL, f"crowd:{kind}:{number}")


def crowd(chunks: int = DOCUMENTS * CHUNKS_EACH) -> Crowd:
    passages, queries = _seeds()
    draw = np.random.default_rng(4)
    one = draw.integers(0, len(passages), chunks)
    neighbours = _neighbours(passages)
    other = neighbours[one, draw.integers(0, neighbours.shape[1], chunks)]
    share = draw.uniform(0.5, 1.0, (chunks, 1)).astype(np.float32)
    noise = draw.standard_normal((chunks, passages.shape[1]), dtype=np.float32) * np.float32(0.015)
    return Crowd(_unit(share * passages[one] + (1 - share) * passages[other] + noise), queries)


def _neighbours(vectors: Vectors, count: int = 8) -> NDArray[np.int64]:
    found = [
        np.argpartition(-(vectors[start : start + 500] @ vectors.T), count + 1)[:, : count + 1]
        for start in range(0, len(vectors), 500)
    ]
    return np.concatenate(found)


def _seeds() -> tuple[Vectors, Vectors]:
    """Passages and queries of the public collections, embedded by the embedded default's own encoder."""
    files = [CACHE / f"{kind}.npy" for kind in ("passages", "queries")]
    if not all(file.exists() for file in files):
        CACHE.mkdir(parents=True, exist_ok=True)
        for file, texts in zip(files, _texts(), strict=True):
            np.save(file, _embedded(texts))
    passages, queries = (np.load(file) for file in files)
    return passages, queries


def _texts() -> tuple[list[str], list[str]]:
    passages: list[str] = []
    queries: list[str] = []
    for collection in sorted(DATA.iterdir()):
        for line in (collection / "corpus.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            passages.append(f"{row.get('title') or ''}. {row['text']}"[:_PASSAGE])
        asked = (collection / "queries.jsonl").read_text("utf-8").splitlines()
        queries += [json.loads(line)["text"][:_PASSAGE] for line in asked]
    return passages[::_EVERY], queries[::_EVERY]


def _embedded(texts: Sequence[str]) -> Vectors:
    from tests.retrieval.embedders import CALL, EncoderHere

    encoder = EncoderHere()
    rows = []
    for start in range(0, len(texts), 64):
        result = asyncio.run(encoder.embed(texts[start : start + 64], CALL))
        rows += [np.frombuffer(vector, dtype="<f4") for vector in result.vectors]
    return np.stack(rows)


def _unit(vectors: Vectors) -> Vectors:
    made: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return made
