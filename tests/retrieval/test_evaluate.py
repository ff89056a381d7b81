"""Measures against worked examples, and the whole path on a small collection."""

import json
import math
from pathlib import Path

import pytest

from secretariat.retrieval.evaluate import evaluate_collection, read_beir, read_rho_bank
from secretariat.retrieval.measures import difference, interval, ndcg_at, recall_at, reciprocal_rank
from tests.retrieval.embedders import CALL, best_embedder

DOCUMENTS = [
    ("d1", "Hotels", "# Hotels\n\nHotels may cost up to 180 euros per night."),
    ("d2", "Leave", "Every employee has 30 days of annual leave."),
    ("d3", "Badges", "Lost badges are reported to the gate within one hour."),
]
QUERIES = [("q1", "hotel cost per night", {"d1": 2}), ("q2", "lost badge", {"d3": 1, "d2": 0})]


def test_measures() -> None:
    gains = {"a": 3, "b": 1, "c": 1}
    assert recall_at(["x", "a", "b"], gains, 2) == pytest.approx(1 / 3)
    ideal = 3 / math.log2(2) + 1 / math.log2(3) + 1 / math.log2(4)
    assert ndcg_at(["x", "a", "b"], gains, 10) == pytest.approx((3 / math.log2(3) + 1 / math.log2(4)) / ideal)
    assert ndcg_at(["a", "b", "c"], gains, 10) == pytest.approx(1.0)
    assert ndcg_at([], gains, 10) == 0

    assert reciprocal_rank(["x", "y", "b"], gains) == pytest.approx(1 / 3)
    assert reciprocal_rank(["x"], gains) == 0


def test_an_interval_holds_the_mean_and_narrows_with_more_queries() -> None:
    few, many = interval([0.0, 1.0] * 10), interval([0.0, 1.0] * 200)
    assert few.low < few.mean == 0.5 < few.high
    assert many.high - many.low < (few.high - few.low) / 3
    # The deviation of a mean of 400 values of 0 and 1 is 1/40; 95 % lie within 1.96 of it.
    assert many.high - many.low == pytest.approx(2 * 1.96 / 40, rel=0.05)


def test_a_difference_says_how_likely_chance_is() -> None:
    ones, others = [0.9, 0.8, 0.7, 0.6, 0.9, 0.8], [0.5, 0.5, 0.5, 0.5, 0.5, 0.8]
    found = difference(ones, others)
    assert (found.better, found.worse, found.equal) == (5, 0, 1)
    # Of the 32 ways to draw five signs, two give as much.
    assert found.p_value == pytest.approx(2 / 32, abs=0.01)
    assert difference(ones, ones).p_value == 1.0
    assert found.interval.low > 0


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    (folder / "qrels").mkdir(parents=True)
    corpus = [json.dumps({"_id": key, "title": title, "text": text}) for key, title, text in DOCUMENTS]
    (folder / "corpus.jsonl").write_text("\n".join(corpus) + "\n")
    queries = [json.dumps({"_id": key, "text": text}) for key, text, _ in [*QUERIES, ("q3", "unjudged", {})]]
    (folder / "queries.jsonl").write_text("\n".join(queries))
    lines = [f"{key}\t{document}\t{gain}" for key, _, gains in QUERIES for document, gain in gains.items()]
    (folder / "qrels" / "test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *lines]))
    return folder


def test_beir_layout(beir: Path) -> None:
    collection = read_beir(beir)
    assert [document.id for document in collection.documents] == ["d1", "d2", "d3"]
    assert [(query.id, dict(query.gains)) for query in collection.queries] == [
        ("q1", {"d1": 2}),
        ("q2", {"d3": 1}),
    ]


def test_rho_bank_layout(tmp_path: Path) -> None:
    documents = [{"id": key, "title": title, "content": text} for key, title, text in DOCUMENTS]
    tasks = [
        {
            "id": "t1",
            "user_scenario": {"instructions": "You want a hotel."},
            "required_documents": ["d1", "d2"],
        },
        {"id": "t2", "user_scenario": {"instructions": "You chat."}, "required_documents": []},
    ]
    (tmp_path / "documents.json").write_text(json.dumps(documents))
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    collection = read_rho_bank(tmp_path)
    assert len(collection.documents) == 3
    assert [(query.text, dict(query.gains)) for query in collection.queries] == [
        ("You want a hotel.", {"d1": 1, "d2": 1})
    ]


async def test_the_whole_path(beir: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    report, words = await evaluate_collection(
        read_beir(beir),
        best_embedder(),
        CALL,
        configurations=("default", "words"),
        report_progress=lambda *step: seen.append(step),
    )
    assert (report.documents, report.chunks, report.queries) == (3, 3, 2)
    assert report.recall[5] == 1.0
    assert report.ndcg_at_10 == pytest.approx(1.0)
    assert report.documents_per_s > 0
    assert 0 < report.search_p50_s <= report.search_p95_s
    assert seen[-1] == ("queries", 2, 2)
    assert (report.configuration, words.configuration) == ("default", "words")
    assert report.mrr == 1.0
    assert report.interval("ndcg@10").mean == pytest.approx(report.ndcg_at_10)
    assert report.difference(words, "ndcg@10").equal == 2
