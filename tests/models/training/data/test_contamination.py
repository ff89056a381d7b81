"""What repeats a test is found where it is planted, and named; what merely looks alike isn't."""

import json
from pathlib import Path

import pytest

from secretariat.models.core import ChatMessage
from secretariat.models.errors import ModelError
from secretariat.models.training.data.__main__ import main
from secretariat.models.training.data.contamination import (
    Guard,
    refuse_files,
    refuse_overlaps,
    texts_below,
)
from secretariat.models.training.data.conversations import Conversation, read, write

TEST = (
    "The ferry crosses the strait four times a day in summer, but only once a day from the middle of October on, "
    "weather permitting."
)
QUESTION = "How often does the ferry cross in the winter?"


@pytest.fixture
def tests_of(tmp_path: Path) -> Path:
    folder = tmp_path / "tests"
    folder.mkdir()
    row = {"id": "q7", "question": [[{"role": "user", "content": QUESTION}]], "context": TEST}
    (folder / "set.json").write_text(json.dumps({"data": [row]}))
    (folder / "lines.json").write_text(
        "\n".join(json.dumps({"id": n, "text": f"short {n}"}) for n in range(3))
    )
    (folder / "tasks.yaml").write_text(
        "tasks:\n  - request: Where may I park a rented van over a long weekend in June?\n"
    )
    return folder


@pytest.mark.parametrize(
    "planted",
    [
        f"Once upon a time. {TEST} And so on.",
        "the FERRY crosses the strait -- four times a day; in summer but only once! a day",
        f"Please answer: {QUESTION.upper()} Thank you.",
        "So, where may I park a rented van over a long weekend in June, then?",
    ],
)
def test_a_planted_overlap_is_named_with_its_places(tests_of: Path, planted: str) -> None:
    guard = Guard(texts_below([tests_of]))
    with pytest.raises(ModelError) as refused:
        refuse_overlaps(guard, [("clean-1", ["Nothing of it."]), ("mine-2", ["x", planted])])
    assert refused.value.code == "training_invalid"
    assert "mine-2" in refused.value.message
    assert "clean-1" not in refused.value.message
    assert ("set.json" in refused.value.message) or ("tasks.yaml" in refused.value.message)


@pytest.mark.parametrize(
    "clean",
    [
        "The ferry crosses the strait four times a day in summer, but never after dark.",  # twelve words of it
        "How often does the ferry cross in the summer?",
        "short 1",
    ],
)
def test_fewer_words_in_a_row_are_no_overlap(tests_of: Path, clean: str) -> None:
    refuse_overlaps(Guard(texts_below([tests_of])), [("mine", [clean])])


def test_a_run_whose_data_repeat_a_test_is_refused_before_anything_is_loaded(
    tests_of: Path, tmp_path: Path
) -> None:
    from secretariat.models.training.__main__ import main as run

    messages = (ChatMessage("user", f"Say it: {TEST}"), ChatMessage("assistant", "It."))
    write(
        tmp_path / "clean.jsonl",
        [Conversation("c", (ChatMessage("user", "?"), ChatMessage("assistant", "!")))],
    )
    write(tmp_path / "mine.jsonl", [Conversation("mine-3", messages)])
    job = {
        "recipe": "sft", "model": str(tmp_path / "nowhere"), "data": [str(tmp_path / "mine.jsonl")],
        "guard": [str(tests_of)],
    }  # fmt: skip
    (tmp_path / "job.json").write_text(json.dumps(job))
    assert run([str(tmp_path)]) == 2
    told = json.loads((tmp_path / "error.json").read_text())
    assert told["code"] == "training_invalid"
    assert "mine.jsonl, line 1" in told["message"]
    assert "set.json" in told["message"]
    assert "ferry" not in told["message"]
    refuse_files([tests_of], [tmp_path / "clean.jsonl"])


def test_a_guard_over_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nothing to guard"):
        list(texts_below([tmp_path / "nowhere"]))


def test_overlaps_in_documents_count(tests_of: Path, tmp_path: Path) -> None:
    from secretariat.models.core import GroundingDocument

    held = Conversation(
        "c", (ChatMessage("user", "?"), ChatMessage("assistant", "!")), (GroundingDocument("1", TEST),)
    )
    assert list(Guard(texts_below([tests_of])).overlaps(held.id, held.texts))


def test_written_data_is_clean_and_says_what_was_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data.jsonl"
    arguments = ["calculation", "extraction", "--count", "40", "--seed", "5", "--out", str(out)]
    assert main(arguments) == 0
    first = list(read(out))
    assert len(first) == 80
    (tmp_path / "guarded.txt").write_text(
        first[0].messages[-2].content.replace("\n", " ") + " and some more words to be long\n"
    )
    assert main([*arguments, "--guard", str(tmp_path / "guarded.txt")]) == 0
    left = list(read(out))
    assert first[0].id not in {each.id for each in left}
    assert f"left out for what they repeat of tests: {80 - len(left)}" in capsys.readouterr().out


def test_records_survive_the_disk_and_bad_lines_are_named(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    held = Conversation("a", (ChatMessage("user", "Ü?"), ChatMessage("assistant", "ß")), (), "x")
    assert write(path, [held]) == 1
    assert list(read(path)) == [held]
    path.write_text(path.read_text() + '{"id": "b", "messages": [{"role": "user", "content": "?"}]}\n')
    with pytest.raises(ModelError, match="line 2: not a conversation"):
        list(read(path))
    with pytest.raises(ModelError, match="can't be read"):
        list(read(tmp_path / "none.jsonl"))


def test_a_kind_made_from_a_file_asks_for_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clinc", "--out", str(tmp_path / "o.jsonl")]) == 2
    assert "--source" in capsys.readouterr().err
