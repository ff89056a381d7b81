"""Learning from rewards on a tiny network: the reward rises, runs repeat themselves, and killed ones go on."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from secretariat.models.adapters.svf import make_basis, read_basis, read_vector, save_basis
from secretariat.models.core import SamplingParams
from secretariat.models.errors import ModelError
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.training.acting import placing
from secretariat.models.training.answering import Answering
from secretariat.models.training.examples import read_tasks
from secretariat.models.training.forward import hidden
from secretariat.models.training.job import Job
from secretariat.models.training.learnt import Learnt
from secretariat.models.training.model import learning, open_model
from secretariat.models.training.packing import rows_of
from secretariat.models.training.recipes import grpo, reward
from secretariat.models.training.rewards import Judge
from secretariat.models.training.rounds import Round, Rounds
from tests.models.training.records import asked, lines, progress
from tests.models.training.tiny_chat import tiny_chat

LETTERS = "abcdefgh "


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return tiny_chat(tmp_path_factory.mktemp("letters"), alphabet=LETTERS)


def tasks(path: Path, *questions: str) -> str:
    """Whatever is asked, the answer is to have no word but "b" or "e" in it."""
    questions = questions or ("bee", "dad", "egg")
    return lines(path, *(asked(question, expected={"answers": ["b", "e"]}) for question in questions))


def job(model: Path, data: str, **changes: Any) -> Job:
    values = {
        "recipe": "grpo", "model": str(model), "data": [data], "steps": 10, "row_tokens": 128,
        "learning_rate": 0.02, "learn": {"rank": 4}, "threads": 1, "dtype": "float32",
        "prompts": 3, "answers": 16, "answer_tokens": 8, "rewards": {"overlap": 1.0}, "kl": 0.0, **changes,
    }  # fmt: skip
    return Job.of(values)


def run(folder: Path, one: Job) -> list[dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    assert grpo.main(one, folder)
    return progress(folder)


def curve(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what a clock says."""
    return [{key: line[key] for key in line.keys() - {"tokens_per_second", "seconds_left"}} for line in told]


@pytest.fixture(scope="module")
def basis(model, tmp_path_factory) -> Path:
    checkpoint = open_checkpoint(model)
    path: Path = tmp_path_factory.mktemp("basis") / "basis.safetensors"
    save_basis(make_basis(checkpoint.weights, checkpoint.config, directions=16), path)
    return path


def test_the_reward_rises_on_tasks_to_learn_from_and_on_others(model, tmp_path):
    held_out = tasks(tmp_path / "h", "cab", "fad")
    told = run(
        tmp_path / "run", job(model, tasks(tmp_path / "t"), held_out=[held_out], steps=8, evaluate_every=8)
    )
    assert told[-1]["reward"] > 3 * told[0]["reward"] > 0
    assert told[-1]["held_out_reward"] == pytest.approx(1 - told[-1]["held_out"])
    assert told[-1]["held_out_reward"] > 0.4
    summary = json.loads((tmp_path / "run" / "result" / "summary.json").read_text())
    assert summary["held_out"] < summary["first_held_out"]


def test_a_vector_can_learn_so_too(model, basis, tmp_path):
    learn = {"kind": "svf", "basis": str(basis)}
    told = run(
        tmp_path / "run", job(model, tasks(tmp_path / "t"), learn=learn, learning_rate=0.1, steps=2, kl=0.1)
    )
    assert told[0]["distance"] == 0 < told[1]["distance"]
    read = read_basis(basis, open_checkpoint(model).config)
    vector = read_vector(tmp_path / "run" / "result" / "vector.safetensors", read)
    assert any((factors != 1).any() for factors in vector.z)


def test_a_price_on_the_distance_keeps_it_small(model, tmp_path):
    free, priced = (
        run(tmp_path / name, job(model, tasks(tmp_path / "t"), steps=4, kl=kl))
        for name, kl in (("free", 1e-9), ("priced", 1.0))
    )
    assert free[0]["distance"] == priced[0]["distance"] == 0
    assert 0 < priced[-1]["distance"] < 0.75 * free[-1]["distance"]


def test_a_run_that_died_goes_on_as_if_nothing_had_been(model, tmp_path, monkeypatch):
    """It dies in the third round; the state it goes on from is of the middle of the second."""
    one = job(
        model, tasks(tmp_path / "t"), steps=6, updates=2, kl=0.1, state_every=3, advantage="leave_one_out"
    )
    whole = run(tmp_path / "whole", one)
    drawn = Rounds.round

    def dying(self: Rounds, number: int) -> Round:
        if number == 2:
            raise KeyboardInterrupt
        return drawn(self, number)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Rounds, "round", dying)
        run(tmp_path / "died", one)
    assert len(progress(tmp_path / "died")) == 4
    assert curve(run(tmp_path / "died", one)) == curve(whole)
    weights = [tmp_path / name / "result" / "adapter_model.safetensors" for name in ("whole", "died")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert any(line["clipped"] for line in whole[1::2])


@pytest.mark.parametrize("acts", ["always", "question", "answer"])
def test_what_is_drawn_is_what_the_network_that_learns_finds_likeliest(model, tmp_path, acts):
    learn = {"rank": 4, "acts": acts}
    data = tasks(tmp_path / "t")
    run(tmp_path / "run", job(model, data, learn=learn, steps=2))
    trained = job(model, data, learn={**learn, "start": str(tmp_path / "run" / "result")})
    opened = open_model(trained)
    part = learning(trained, opened)
    place = placing(part, trained.learn.acts, opened.chat)
    answering = Answering(trained, opened, Learnt([part]), Judge({"overlap": 1.0}), None)
    asked_of = [replace(task, asked=len(task.prompt) - 7) for task in read_tasks([Path(data)], opened.chat)]
    drawn = answering.answers(asked_of, range(3), 1, SamplingParams(max_tokens=8))
    rows = rows_of(Round(drawn, 1).examples(asked_of))
    place(rows)
    last_ME = hidden(opened.decoder, rows).flatten(0, 1)[rows.sources_M]
    logits_MV = opened.decoder.head(last_ME)
    logits_MV[:, len(LETTERS)] = -torch.inf  # what opens a message is never drawn
    assert logits_MV.argmax(1).equal(rows.targets_M)


def test_a_reward_that_was_learnt_can_be_learnt_from(model, tmp_path):
    """Taught that a "b" at the end is better than a "g" or nothing, it makes answers with a "b" likelier."""
    pairs = [
        asked(question, chosen=f"{before}b", rejected=worse)
        for question in ("bee", "dad")
        for before in ("", "d ", "a")
        for worse in (f"{before}g", "")
    ]
    data = lines(tmp_path / "p", *pairs)
    learnt = {"recipe": "reward", "model": str(model), "data": [data], "steps": 15, "learning_rate": 0.01}
    shape = {"row_tokens": 128, "batch_tokens": 128, "learn": {"rank": 4}, "threads": 1, "dtype": "float32"}
    (tmp_path / "judge").mkdir()
    assert reward.main(Job.of(learnt | shape), tmp_path / "judge")
    judge = {"rewards": {"learnt": 1.0}, "reward_model": str(tmp_path / "judge" / "result")}
    told = run(tmp_path / "run", job(model, tasks(tmp_path / "t"), steps=5, learning_rate=0.01, **judge))
    assert told[-1]["reward_learnt"] > told[0]["reward_learnt"] + 0.1

    def share(number: int) -> float:
        answers = json.loads((tmp_path / "run" / "rounds" / f"{number:06d}.json").read_text())["answers"]
        return sum(LETTERS.index("b") in answer["tokens"] for answer in answers) / len(answers)

    assert share(4) > 2 * share(0)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rewards": {}}, "rewards is missing"),
        ({"rewards": {"charm": 1}}, "charm"),
        ({"rewards": {"learnt": 1}}, "reward_model"),
        ({"reward_model": "nowhere"}, "reward_model"),
        ({"rewards": {"cites": 1}}, "3 of 3 tasks"),
        ({"row_tokens": 10}, "3 of 3 tasks"),
        ({"learn": {"kind": "full"}}, "no adapter"),
        ({"answers": 1}, "answers is below 2"),
        ({"advantage": "none"}, "advantage"),
        ({"temperature": 2}, "temperature"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(model, tmp_path, changes, says):
    with pytest.raises(ModelError, match=says):
        run(tmp_path / "run", job(model, tasks(tmp_path / "t"), **changes))


@pytest.mark.parametrize("expected", [["b"], {"answers": "b"}, {"source": "1"}, {"charm": True}])
def test_a_task_that_cant_be_read_is_named_by_its_line(model, tmp_path, expected):
    data = lines(tmp_path / "t", asked("bee", expected={"answers": ["b"]}), asked("dad", expected=expected))
    with pytest.raises(ModelError, match="t, line 2: .*expect"):
        run(tmp_path / "run", job(model, data))
