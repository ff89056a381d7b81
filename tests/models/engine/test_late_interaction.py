"""Token vectors are kept for their tenant alone and within their bytes; what is kept changes no score."""

from collections.abc import Sequence

import numpy as np
import pytest

from secretariat.models.engine.late_interaction import Halves, LateInteraction
from tests.support import weights

QUERY = "how often is a badge checked"
TEXTS = ["Badges are checked twice a year.", "Hotels cost 180 euros.", "A badge is lost often."]


class Letters:
    """A double that counts what it reads: a token a letter."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def token_vectors(self, texts: Sequence[str]) -> list[Halves]:
        self.read += texts
        return [np.eye(128, dtype=np.float16)[[0, *text.encode("ascii"), 0]] for text in texts]


def test_a_text_is_read_once_for_each_tenant() -> None:
    encoder = Letters()
    late = LateInteraction(encoder)
    first, tokens = late.scores(QUERY, TEXTS, "one")
    assert tokens == sum(len(text) + 2 for text in [QUERY, *TEXTS])
    again, fewer = late.scores(QUERY, TEXTS, "one")
    assert again == first
    assert fewer == 0
    late.scores(QUERY, TEXTS, "other")
    assert encoder.read == [QUERY, *TEXTS] * 2


def test_no_more_is_kept_than_there_is_room_for() -> None:
    encoder = Letters()
    late = LateInteraction(encoder, cached_bytes=128 * 2 * len(TEXTS[2]))
    scores, _ = late.scores(QUERY, TEXTS, "one")
    encoder.read.clear()
    assert late.scores(QUERY, TEXTS, "one")[0] == scores
    assert encoder.read == [QUERY, *TEXTS[:2]]


def test_texts_without_words_and_equal_texts_have_scores() -> None:
    late = LateInteraction(Letters())
    scores, _ = late.scores("", ["", "a", "a"], "one")
    assert scores[1] == scores[2]
    assert all(-1 <= score <= 1 for score in scores)


@pytest.mark.weights
def test_the_embedders_own_token_vectors_tell_the_passage_that_answers() -> None:
    scores, _ = LateInteraction(weights.embedder()).scores(QUERY, TEXTS, "one")
    assert max(range(3), key=scores.__getitem__) == 0
    assert all(-1 <= score <= 1.001 for score in scores)
