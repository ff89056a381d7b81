"""A kept vector is the one that was computed, for its tenant alone; passages aren't kept."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from secretariat.models.engine.known_vectors import SHORT, KnownVectors

QUESTION, SENTENCE = "How often is a badge checked?", "Badges are checked twice a year."


class Letters:
    """A double that counts what it reads: a token a letter, the vector says which text it was."""

    max_tokens = 40

    def __init__(self) -> None:
        self.read: list[str] = []

    def embed_counted(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.float32], int]:
        self.read += texts
        vectors = np.array([[len(text), ord(text[0])] for text in texts], np.float32)
        return vectors, sum(min(len(text), self.max_tokens) for text in texts)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]


def test_a_text_is_read_once_for_each_tenant_and_counted_each_time() -> None:
    encoder = Letters()
    known = KnownVectors(encoder)
    first = known.embed([QUESTION, SENTENCE], "one")
    assert known.embed([SENTENCE, QUESTION], "one") == (first[0][::-1], first[1])
    assert encoder.read == [QUESTION, SENTENCE]
    mixed, _ = known.embed(["new", QUESTION, "new"], "one")
    assert mixed == [mixed[0], first[0][0], mixed[0]]
    assert mixed[0] != first[0][0]
    known.embed([QUESTION], "other")
    assert encoder.read[-1] == QUESTION


def test_passages_and_what_there_is_no_room_for_are_read_anew() -> None:
    encoder = Letters()
    known = KnownVectors(encoder, kept_bytes=300)
    passage = "p" * (SHORT + 1)
    for _ in range(2):
        known.embed([passage], "one")
    assert encoder.read == [passage] * 2
    known.embed([QUESTION], "one")
    known.embed([SENTENCE], "one")
    encoder.read.clear()
    known.embed([QUESTION, SENTENCE], "one")
    assert encoder.read == [QUESTION]
