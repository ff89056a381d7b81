"""What a ranking is worth, by hand."""

import math
from uuid import UUID

import pytest

from secretariat.platform.evaluation.questions import Question
from secretariat.platform.evaluation.scoring import Measured, Place, Values, score, summary

A, B, C, D = (UUID(int=n) for n in range(1, 5))


def test_two_required_documents_first_and_third():
    question = Question("1", "?", {"a.md": 1, str(C): 1})
    given = score(question, {"a.md": [A], str(C): [C]}, [A, A, B, C, B])
    assert given.values.ndcg_at_10 == pytest.approx((1 + 1 / math.log2(4)) / (1 + 1 / math.log2(3)))
    assert given.values.recall_at_10 == 1
    assert given.values.mrr == 1
    assert given.document_ids == (A, B, C)
    assert given.required == (Place(A, 1), Place(C, 3))


def test_any_document_of_a_name_will_do_and_takes_one_place():
    question = Question("1", "?", {"rates.md": 1, "gone.md": 1})
    given = score(question, {"rates.md": [A, B]}, [C, B, A, D])
    assert given.required == (Place(B, 2), Place(None, None))
    assert given.document_ids == (C, B, D)
    assert (given.values.mrr, given.values.recall_at_10) == (0.5, 0.5)


def test_nothing_found_is_worth_nothing_and_says_what_could_have_been():
    given = score(Question("1", "?", {"a.md": 1}), {"a.md": [A]}, [])
    assert given.values == Values(0, 0, 0, 0)
    assert given.required == (Place(A, None),)


def test_a_summary_gives_means_with_bounds_and_times():
    def measured(ndcg: float, milliseconds: float, seq: int) -> Measured:
        return Measured(Values(ndcg, 1, 1, 1), milliseconds, seq, allowed=7, required=2, out_of_reach=1)

    told = summary({"default": [measured(0.0, 10, 3), measured(1.0, 30, 5)]})
    (only,) = told["configurations"]
    assert only["measures"]["ndcg_at_10"]["mean"] == 0.5
    assert only["measures"]["ndcg_at_10"]["low"] == 0
    assert only["measures"]["mrr"] == {"mean": 1, "low": 1, "high": 1}
    assert (only["p50_ms"], only["p95_ms"]) == (10, 30)
    assert (told["questions"], told["required"], told["out_of_reach"]) == (2, 4, 2)
    assert (told["documents"], told["index_seq"]) == (7, [3, 5])
