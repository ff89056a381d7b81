"""Readers of public sets, over rows written here and over the sets themselves where they are."""

# ruff: noqa: E501 - a row of a table stays on its line

import json
from pathlib import Path

import pytest

from secretariat.models.engine.citations import CitationReader
from secretariat.models.errors import ModelError
from secretariat.models.training.data import clinc, fairytale
from secretariat.models.training.data.forms import OTHERWISE

DATA = Path(__file__).parents[5] / "shared" / "data"
STORY = [
    ("Who kept the goats?", ["the Miller's daughter"], "In spring the miller's daughter kept the goats on the hill."),
    ("Why was the king sad?", ["His ring had been lost in the lake"], "The king wept because his ring was lost in the deep lake."),
    ("What did the fox steal?", ["a silver spoon"], "At night a fox came and took what lay on the table."),
    *((f"Where did traveller {n} sleep?", [f"in barn {n}"], f"Traveller {n} came late and slept in barn {n} with the cows.")
      for n in range(12)),
]  # fmt: skip


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "train.jsonl"
    lines = [
        {
            "story": "s",
            "question": q,
            "answers": a,
            "context": c,
            "explicit": True,
            "attribute": "x",
            "sections": ["1"],
        }
        for q, a, c in STORY
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def test_an_answer_is_taken_as_its_passage_writes_it(rows: Path) -> None:
    exact, changed, absent, *_ = fairytale.read(rows)
    assert exact.span == "the miller's daughter"
    assert changed.span is None
    assert absent.span is None


def test_grounded_examples_cite_the_passage_or_say_that_none_answers(rows: Path) -> None:
    questions = fairytale.read(rows)
    made = list(fairytale.grounded_examples(questions, 2))
    assert made == list(fairytale.grounded_examples(questions, 2))
    by_id = {each.id: each for each in questions}
    assert {each.learnt == OTHERWISE for each in made} == {True, False}
    for each in made:
        question = by_id[each.id.removesuffix("-elsewhere")]
        assert question.span is not None
        holding = [document.id for document in each.documents if question.span in document.text]
        if each.learnt == OTHERWISE:
            assert holding == []
        else:
            cited = CitationReader().push(each.learnt).citations
            assert [one.ids for one in cited] == [(holding[0],)]


def test_a_row_of_another_set_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"question": "?"}')
    with pytest.raises(ModelError, match="line 1: not a question"):
        fairytale.read(path)


def test_intents_are_offered_with_the_right_one_or_something_else(tmp_path: Path) -> None:
    path = tmp_path / "data_full.json"
    held = {
        "train": [[f"words {n}", f"label_{n}"] for n in range(40)],
        "oos_train": [["odd", "oos"]],
        "test": [["t", "l"]],
    }
    path.write_text(json.dumps(held))
    rows = clinc.read(path)
    for each in clinc.examples(rows, 1, 60):
        offered = each.messages[0].content.split("Labels: ")[1].split("\n")[0].split(", ")
        assert each.learnt in offered
        assert clinc.OUTSIDE in offered
    with pytest.raises(ModelError, match="for testing only"):
        clinc.read(path, ("test",))


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the public sets are not at {DATA}")
def test_the_training_sets_are_read(tmp_path: Path) -> None:
    with (DATA / "fairytaleqa" / "val.jsonl").open(encoding="utf-8") as lines:
        (tmp_path / "some.jsonl").write_text("".join(next(lines) for _ in range(40)), encoding="utf-8")
    assert sum(each.span is not None for each in fairytale.read(tmp_path / "some.jsonl")) > 20
    assert len(clinc.read(DATA / "clinc150" / "data_full.json")) == 15_100
