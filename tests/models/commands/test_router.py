"""The command that fits a router, over the real embedder."""

import json
from pathlib import Path

import pytest

from secretariat.models.commands.__main__ import main
from secretariat.models.experts.router_files import read_router
from tests.support.weights import EMBEDDER, models_dir, weights

SUBJECTS = ("the fair", "the audit", "a visit", "the office", "the lunch", "an invoice")
FORMS = {"plan": "Make a plan of steps for {}.", "answer": "What do the sources say about {}?"}


def written(path: Path, subjects: tuple[str, ...]) -> str:
    rows = [{"text": form.format(s), "expert": expert} for expert, form in FORMS.items() for s in subjects]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


def command(tmp_path: Path, *more: str) -> list[str]:
    weights(EMBEDDER)
    return [
        "--models-dir", str(models_dir()), "router", EMBEDDER, "--examples", written(tmp_path / "a", SUBJECTS[:4]),
        "--directory", str(tmp_path / "router"), *more,
    ]  # fmt: skip


def test_it_writes_a_router_and_says_how_good_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    held_out = written(tmp_path / "b", SUBJECTS[4:])
    assert main(command(tmp_path, "--held-out", held_out, "--general", "answer")) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["accuracy"], told["examples"], told["held_out"]) == (1.0, 8, 4)
    made = read_router(tmp_path / "router")
    assert (made.experts, made.general, made.scorer.kind) == (("answer", "plan"), "answer", "linear")


@pytest.mark.parametrize(
    ("line", "general", "said"),
    [
        ('{"text": "x"}', "answer", "line 1"),
        ('{"text": "x", "expert": "cook"}', "answer", "'cook'"),
        ('{"text": "x", "expert": "plan"}', "cook", "'cook'"),
    ],
)
def test_what_it_cannot_learn_from_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, general: str, said: str
):
    (tmp_path / "b").write_text(line)
    assert main(command(tmp_path, "--held-out", str(tmp_path / "b"), "--general", general)) == 2
    assert said in json.loads(capsys.readouterr().out)["error"]["message"]
