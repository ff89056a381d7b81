"""Preferences on a tiny network: DPO begins at ln 2 and moves, a reward model learns to tell answers apart."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from secretariat.models.adapters.lora import read_lora
from secretariat.models.core import ChatMessage
from secretariat.models.errors import ModelError
from secretariat.models.nets.decoder import TorchNetwork
from secretariat.models.nets.load import load_chat_model
from secretariat.models.training.examples import answer_tokens, example
from secretariat.models.training.job import Job
from secretariat.models.training.recipes import dpo, reward
from secretariat.models.training.reward_model import LearntReward
from tests.models.training.records import asked, lines, progress

QUESTIONS = ("tea", "ink", "oak", "sea", "hat", "jam")
LN2 = math.log(2)


def pairs(path: Path, *, swapped: bool = False) -> str:
    """Whatever is asked, "yes" is preferred to "no"."""
    said = {"chosen": "yes", "rejected": "no"} if not swapped else {"chosen": "no", "rejected": "yes"}
    return lines(path, *(asked(question, **said) for question in QUESTIONS))


def run(recipe: Any, folder: Path, model: Path, data: str, **changes: Any) -> list[dict[str, Any]]:
    folder.mkdir()
    values = {
        "recipe": "dpo", "model": str(model), "data": [data], "steps": 4, "batch_tokens": 192,
        "row_tokens": 96, "learning_rate": 0.01, "learn": {"rank": 4}, "threads": 1, "dtype": "float32", **changes,
    }  # fmt: skip
    assert recipe.main(Job.of(values), folder)
    return progress(folder)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("learn", [{"rank": 4}, {"rank": 4, "acts": "answer"}, {"kind": "full"}])
def test_the_first_loss_is_ln_2(chat_folder, tmp_path, dtype, learn):
    told = run(dpo, tmp_path / "run", chat_folder, pairs(tmp_path / "p"), dtype=dtype, learn=learn, steps=2)
    assert told[0]["loss"] == pytest.approx(LN2, abs=1e-6)
    assert told[0]["agreement"] == 0.5
    assert told[1]["loss"] < LN2


def test_what_is_preferred_gets_likelier_on_questions_not_seen(chat_folder, tmp_path):
    unseen = lines(tmp_path / "unseen", asked("owl", chosen="yes", rejected="no"))
    told = run(
        dpo,
        tmp_path / "run",
        chat_folder,
        pairs(tmp_path / "p"),
        held_out=[unseen],
        steps=12,
        evaluate_every=12,
        beta=0.5,
    )
    assert told[-1]["held_out_agreement"] == 1
    assert told[-1]["held_out"] < 0.5 * LN2
    assert told[-1]["loss"] < 0.5 * LN2


def test_swapping_the_pairs_moves_the_other_way(chat_folder, tmp_path):
    there = run(dpo, tmp_path / "a", chat_folder, pairs(tmp_path / "p"), steps=2, warmup=0.0)
    back = run(dpo, tmp_path / "b", chat_folder, pairs(tmp_path / "q", swapped=True), steps=2, warmup=0.0)
    assert there[0]["gradient_norm"] == pytest.approx(back[0]["gradient_norm"], rel=1e-4)
    assert there[1]["margin"] > 0
    assert back[1]["margin"] > 0


def test_going_on_from_an_adapter_it_is_the_reference(chat_folder, tmp_path):
    run(dpo, tmp_path / "first", chat_folder, pairs(tmp_path / "p"), beta=0.5)
    start = {"rank": 4, "start": str(tmp_path / "first" / "result")}
    told = run(dpo, tmp_path / "second", chat_folder, pairs(tmp_path / "p"), learn=start, beta=0.5)
    assert told[0]["loss"] == pytest.approx(LN2, abs=1e-6)


def test_the_adapter_is_one_that_the_engine_loads(chat_folder, tmp_path):
    run(dpo, tmp_path / "run", chat_folder, pairs(tmp_path / "p"))
    network = load_chat_model(chat_folder, backend="torch").network
    assert read_lora(tmp_path / "run" / "result", network.config).rank == 4


def test_pairs_that_dont_fit_are_refused_in_words(chat_folder, tmp_path):
    with pytest.raises(ModelError, match="6 of 6 pairs") as refusal:
        run(dpo, tmp_path / "run", chat_folder, pairs(tmp_path / "p"), row_tokens=12)
    assert refusal.value.code == "training_invalid"


@pytest.mark.parametrize("own", [{"beta": 0}, {"beta": "much"}, {"bta": 0.1}])
def test_settings_that_make_no_sense_are_refused(chat_folder, tmp_path, own):
    with pytest.raises(ModelError, match=next(iter(own))):
        run(dpo, tmp_path / "run", chat_folder, pairs(tmp_path / "p"), **own)


def test_a_reward_model_tells_answers_to_unseen_questions_apart(chat_folder, tmp_path):
    unseen = lines(
        tmp_path / "unseen", *(asked(q, chosen="yes", rejected="no") for q in ("owl", "ice", "egg"))
    )
    told = run(
        reward,
        tmp_path / "run",
        chat_folder,
        pairs(tmp_path / "p"),
        held_out=[unseen],
        steps=20,
        evaluate_every=20,
    )
    assert told[0]["loss"] == pytest.approx(LN2, abs=1e-6)
    assert told[-1]["held_out_agreement"] == 1
    chat = load_chat_model(chat_folder, backend="torch")
    assert isinstance(chat.network, TorchNetwork)
    learnt = LearntReward(
        tmp_path / "run" / "result", chat.network.decoder, chat.identity.weights_sha256, row_tokens=96
    )
    prompt = chat.encode_chat([ChatMessage("user", "owl")])
    answers = [example(prompt, answer_tokens(chat, said), said) for said in ("no", "yes")]
    worse, better = learnt.of(answers)
    assert worse < 0.5 < better


def test_a_reward_model_of_other_weights_is_refused(chat_folder, tmp_path):
    run(reward, tmp_path / "run", chat_folder, pairs(tmp_path / "p"), steps=1)
    summary = json.loads((tmp_path / "run" / "result" / "summary.json").read_text())
    chat = load_chat_model(chat_folder, backend="torch")
    assert summary["base_sha256"] == chat.identity.weights_sha256
    assert isinstance(chat.network, TorchNetwork)
    with pytest.raises(ModelError, match="over another model"):
        LearntReward(tmp_path / "run" / "result", chat.network.decoder, "0" * 64, row_tokens=96)
