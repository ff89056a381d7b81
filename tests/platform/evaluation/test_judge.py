"""Judging is strict, and knows no more than the file of tasks says."""

from pathlib import Path

import pytest

from secretariat.platform.evaluation.judge import ExpectedTask, TaskFileError, judge, read_tasks, score

EXAMPLES = Path(__file__).parents[3] / "examples"
TASK = ExpectedTask("t", "How long?", True, (("six weeks", "6 weeks"), ("Zone B",)), ("a.md", "b.pdf"))
NOWHERE = ExpectedTask("u", "Which pension?", False, (), ())


def test_every_fact_has_to_be_there_in_one_of_its_spellings() -> None:
    whole = judge(TASK, "In zone\n B it is  SIX WEEKS.", abstained=False, cited=["b.pdf", "a.md"], seconds=1)
    half = judge(TASK, "It is 6 weeks.", abstained=False, cited=["a.md"], seconds=1)
    assert (whole.outcome, whole.facts_found, whole.sources_right) == ("right", 2, True)
    assert (half.outcome, half.facts_found, half.sources_right) == ("wrong", 1, False)


def test_an_answer_where_none_is_to_be_had_is_wrong() -> None:
    assert judge(NOWHERE, "4 percent", abstained=False, cited=[], seconds=1).outcome == "wrong"
    assert judge(NOWHERE, None, abstained=True, cited=[], seconds=1).outcome == "abstained"


def test_the_score_counts_what_it_says() -> None:
    judgements = [
        judge(TASK, "Zone B, six weeks", abstained=False, cited=["a.md", "b.pdf"], seconds=1),
        judge(TASK, None, abstained=True, cited=[], seconds=1),
        judge(NOWHERE, None, abstained=True, cited=[], seconds=1),
    ]
    total = score(judgements)
    assert (total.facts_right, total.facts, total.sources_right) == (1, 2, 1)
    assert (total.abstained_right, total.unanswerable, total.right, total.abstained) == (1, 1, 1, 2)


def test_the_example_tasks_are_as_the_readme_says() -> None:
    tasks = read_tasks(EXAMPLES / "tasks.yaml")
    assert len(tasks.tasks) == 20
    assert sum(not task.answerable for task in tasks.tasks) == 5
    assert len(tasks.demo_task.sources) == 2
    for task in tasks.tasks:
        for source in task.sources:
            assert (EXAMPLES / "handbook" / source).is_file(), source


def test_a_file_that_is_none_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "tasks.yaml"
    path.write_text("tasks: 7")
    with pytest.raises(TaskFileError, match="not a file of tasks"):
        read_tasks(path)
