"""`make train-vectors`: what is compared learns from the same, one stage from the other, and is put in place."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from secretariat.models.adapters.lora import read_lora
from secretariat.models.adapters.svf import read_basis, read_vector
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.training.__main__ import train
from secretariat.models.training.job import Job
from tests.models.training import scripts
from tests.models.training.tiny_chat import tiny_chat

Make = Callable[..., int]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return scripts.script("train_vectors")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It knows so few letters that some of what it draws is right."""
    return tiny_chat(tmp_path_factory.mktemp("letters"), alphabet="abcdefgh ")


@pytest.fixture
def expert(tmp_path: Path, records, model: Path) -> Path:
    """The stage of the expert for answers from documents: begun, with its data."""
    data = records(("bee", "b"), ("dad", "e"), ("egg", "b"), ("fad", "e"))
    folder = tmp_path / "experts" / "grounded"
    folder.mkdir(parents=True)
    job = {
        "recipe": "sft", "model": str(model), "data": [data], "held_out": [], "seed": 1, "steps": 2,
        "batch_tokens": 128, "row_tokens": 128, "learn": {"kind": "lora", "rank": 8, "acts": "answer"},
        "dtype": "float32", "frozen": "plain", "checkpoint": False, "evaluate_every": 2,
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(job))
    return folder


@pytest.fixture
def make(script: ModuleType, tmp_path: Path, expert: Path, model: Path, monkeypatch) -> Make:
    """The command over the tiny model; its trainer runs in this process."""
    monkeypatch.setattr(script, "train", train)

    def made(*more: str) -> int:
        code: int = script.main(
            ["--models", str(model.parent), "--base", model.name, "--experts", str(expert.parent),
             "--jobs", str(tmp_path / "jobs"), "--into", str(tmp_path / "into"), "--threads", "1",
             "--learning-rate", "0.1", "--reward-rate", "0.1", "--rounds", "1", *more]
        )  # fmt: skip
        return code

    return made


def test_each_stage_is_trained_once_and_put_beside_the_basis(make: Make, tmp_path, model: Path):
    assert make() == 0
    into, checkpoint = tmp_path / "into", open_checkpoint(model)
    assert read_lora(into / "lora", checkpoint.config).rank == 16
    file = into / f"{model.name}.basis.safetensors"
    basis = read_basis(file, checkpoint.config, checkpoint.paths)
    first, second = (read_vector(into / name / "vector.safetensors", basis) for name in ("svf", "svf-rl"))
    assert {len(factors) for factors in first.z} == {32}, "a factor for every singular value"
    assert first.acts == second.acts == "answer"
    begun, ended = np.stack(first.z), np.stack(second.z)
    assert (begun != 1).any()
    assert (begun != ended).any()
    assert np.abs(ended - begun).max() < 0.5, "it goes on from the vector by examples"
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "jobs").rglob("*")}
    assert make() == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "jobs").rglob("*")} == before


def test_an_expert_of_rank_16_is_the_adapter_that_vectors_stand_beside(
    make: Make, expert: Path, tmp_path, script
):
    told = json.loads((expert / "job.json").read_text())
    told["learn"]["rank"] = 16
    (expert / "job.json").write_text(json.dumps(told))
    assert train(expert)
    assert make("--stage", "lora") == 0
    assert not (tmp_path / "jobs" / "lora").exists()
    name = "adapter_model.safetensors"
    assert (tmp_path / "into" / "lora" / name).read_bytes() == (expert / "result" / name).read_bytes()


def test_rewards_are_told_nothing_that_only_examples_know(script: ModuleType, expert: Path, tmp_path):
    options = script._options(["--experts", str(expert.parent), "--jobs", str(tmp_path / "jobs")])
    taught = {**script._taught(options), "frozen": "u8", "guard": ["tests"], "teacher": "somebody"}
    jobs = {stage: Job.of(script.job(stage, taught, tmp_path / "b", options)) for stage in script.STAGES}
    assert jobs["lora"].own == jobs["svf"].own == {"teacher": "somebody"}
    assert "teacher" not in jobs["svf-rl"].own
    assert {(job.frozen, job.guard, job.data, job.learn.acts) for job in jobs.values()} == {
        ("u8", ("tests",), tuple(taught["data"]), "answer")
    }
    taught["learn"]["acts"] = "question"
    assert {script.job(stage, taught, tmp_path, options)["learn"]["acts"] for stage in script.STAGES} == {
        "question"
    }


def test_without_the_experts_data_it_says_what_to_do(make: Make, expert: Path):
    (expert / "job.json").unlink()
    with pytest.raises(SystemExit, match="train-experts"):
        make()
