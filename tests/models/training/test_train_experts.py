"""`make train-experts`: what each stage learns is made before it begins, and is apart from what it is tried on."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from secretariat.models.experts.team import read_team
from secretariat.models.training.job import Job
from tests.models.training import scripts

LABELS = [*(f"label_{n}" for n in range(29)), "oos"]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return scripts.script("train_experts")


@pytest.fixture
def prepared(script: ModuleType, tmp_path: Path) -> Callable[..., Path]:
    """The folder of an expert's stage, ready to be trained."""
    parts = {
        part: [[f"{part} request number {n} for you", LABELS[n]] for n in range(30)]
        for part in ("train", "val", "oos_train", "oos_val", "test")
    }
    held = tmp_path / "sets" / "clinc150"
    held.mkdir(parents=True)
    (held / "data_full.json").write_text(json.dumps(parts))

    def prepare(name: str, *more: str) -> Path:
        options = script._options(
            ["--jobs", str(tmp_path / "jobs"), "--models", str(tmp_path / "models"), *more,
             "--tokens", f"{name}=3000"]
        )  # fmt: skip
        folder: Path = options.jobs / name
        script._prepare(name, folder, options)
        return folder

    return prepare


def asked(folder: Path, file: str) -> list[str]:
    lines = (folder / file).read_text().splitlines()
    return [json.loads(line)["messages"][-2]["content"] for line in lines]


def test_a_stage_learns_from_one_part_of_a_set_and_is_tried_on_another(prepared, tmp_path):
    folder = prepared("intent", "--sets", str(tmp_path / "sets"))
    job = Job.of(json.loads((folder / "job.json").read_text()))
    assert (job.dtype, job.frozen, job.learn.rank, job.learn.acts) == ("float32", "u8", 8, "answer")
    learnt, tried = (asked(folder, f"{part}/clinc.jsonl") for part in ("data", "held-out"))
    assert all("train request" in text for text in learnt)
    assert all("val request" in text for text in tried)


def test_what_repeats_a_test_is_left_out_and_a_stage_that_was_begun_keeps_its_words(prepared, tmp_path):
    folder = prepared("tools")
    told, before = asked(folder, "data/tools.jsonl"), (folder / "job.json").read_bytes()
    guard = tmp_path / "guard.txt"
    guard.write_text(told[0])
    prepared("tools", "--guard", str(guard))
    assert (folder / "job.json").read_bytes() == before
    again = prepared("tools", "--jobs", str(tmp_path / "again"), "--guard", str(guard))
    assert told[0] not in asked(again, "data/tools.jsonl")
    assert json.loads((again / "job.json").read_text())["guard"] == [str(guard)]


def test_an_expert_goes_on_from_an_adapter_over_its_matrices(prepared, tmp_path):
    begun = tmp_path / "begun"
    begun.mkdir()
    (begun / "adapter_config.json").write_text('{"target_modules": ["q_proj", "o_proj"]}')
    learn = Job.of(
        json.loads((prepared("tools", "--start", f"tools={begun}") / "job.json").read_text())
    ).learn
    assert (learn.start, list(learn.targets)) == (str(begun), ["q_proj", "o_proj"])


def test_an_expert_that_needs_a_set_says_so(prepared):
    with pytest.raises(SystemExit, match="--sets"):
        prepared("intent")


def test_experts_that_are_installed_are_ones_that_a_server_reads(script, tmp_path, monkeypatch):
    """The router is fitted by a test of its own."""
    monkeypatch.setattr(script, "_fit_router", lambda *_: None)
    options = script._options(["--jobs", str(tmp_path / "jobs"), "--models", str(tmp_path / "models")])
    for name in ("grounded", "tools"):
        (tmp_path / "jobs" / name / "result").mkdir(parents=True)
        for file in script.FILES:
            (tmp_path / "jobs" / name / "result" / file).write_text('{"r": 16}')
    script._install(["grounded", "tools"], options)
    team = read_team(tmp_path / "models" / "smollm2-135m-instruct-experts")
    assert team is not None
    assert set(team.adapters) == {"expert/grounded", "expert/tools"}
    assert [member.name for member in team.members if member.documents] == ["grounded"]


def test_experts_that_the_base_brings_stand_for_stages_that_are_done(script: ModuleType, tmp_path: Path):
    brought = tmp_path / "models" / "base" / "experts" / "tools"
    brought.mkdir(parents=True)
    for name in script.FILES:
        (brought / name).write_text(name)
    asked = ["--jobs", str(tmp_path / "jobs"), "--models", str(tmp_path / "models"), "--base", "base",
             "--tokens", "tools=3000", "--tokens", "plans=3000", "--adopt"]  # fmt: skip
    assert script.main([*asked, "--expert", "tools"]) == 0
    stage = tmp_path / "jobs" / "tools"
    assert {name: (stage / "result" / name).read_text() for name in script.FILES} == {
        name: name for name in script.FILES
    }
    assert (stage / "result" / "summary.json").is_file()
    assert json.loads((stage / "job.json").read_text())["data"], "what it learnt from, for those beside it"
    with pytest.raises(SystemExit, match="brings no expert plans"):
        script.main([*asked, "--expert", "plans"])
