"""A run from job to result: what it learns and tells, and that a killed one goes on as if nothing had been."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from secretariat.models.adapters.lora import read_lora
from secretariat.models.core import ChatMessage, SamplingParams
from secretariat.models.engine.engine import Engine
from secretariat.models.engine.request import AdapterUse
from secretariat.models.engine.store import EngineMemory
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.errors import ModelError
from secretariat.models.kernels.library import library
from secretariat.models.nets.adapters import AdapterPlan
from secretariat.models.nets.load import load_chat_model
from secretariat.models.training.__main__ import main, train
from secretariat.models.training.recipes.sft import Supervised
from tests.models.engine.hybrid import Request
from tests.models.engine.toy import run

PAIRS = [
    ("Peru", "Lima"), ("Cuba", "Havana"), ("Chad", "Ndjamena"), ("Mali", "Bamako"), ("Iran", "Tehran"),
    ("Fiji", "Suva"), ("Oman", "Muscat"), ("Togo", "Lome"),
]  # fmt: skip
TIMES = {"tokens_per_second", "seconds_left"}


def progress(folder):
    return [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]


def curve(folder):
    """All that is told but for the clock."""
    return [{key: value for key, value in line.items() if key not in TIMES} for line in progress(folder)]


def summary(folder):
    return json.loads((folder / "result" / "summary.json").read_text())


def results(folder):
    return {
        path.name: path.read_bytes() for path in (folder / "result").iterdir() if path.name != "summary.json"
    }


def answers(chat_folder, adapter, questions):
    """What the engine draws with the adapter, greedily."""
    plan = AdapterPlan(rows=1, rank=16)
    chat: Any = load_chat_model(chat_folder, backend="torch", adapters=plan, threads=1)
    lora = read_lora(adapter, chat.network.config)
    engine = Engine(
        chat.network, Vocabulary.of(chat.tokenizer, chat.eos_ids), memory=EngineMemory(pages=64, slots=4)
    )
    chat.network.adapters.set(1, lora)
    asked = [
        Request(
            chat.encode_chat([ChatMessage("user", question)]),
            SamplingParams(max_tokens=12, temperature=0.0),
            adapter=AdapterUse(1, lora.digest),
        )
        for question in questions
    ]
    run(engine, *asked)
    return [one.text for one in asked]


def test_eight_conversations_are_learnt_by_heart_and_the_engine_repeats_them(new_job, records, chat_folder):
    folder = new_job(
        data=[records(*PAIRS)], steps=50, batch_tokens=256, row_tokens=256, learning_rate=2e-2,
        learn={"kind": "lora", "rank": 8, "alpha": 32}, checkpoint=False, state_every=1000,
    )  # fmt: skip
    assert train(folder)
    told = progress(folder)
    assert told[-2]["loss"] < 0.1
    assert told[-1] == {"event": "ended", "ended_by": "steps"}
    assert [line["step"] for line in told[:-1]] == list(range(1, 51))
    assert answers(chat_folder, folder / "result", [question for question, _ in PAIRS]) == [
        word for _, word in PAIRS
    ]


def test_a_killed_child_goes_on_as_if_nothing_had_been(new_job, records):
    """Killed at whatever it was doing: the curve and the result's bytes are those of a run in peace."""
    data, held_out = records(*PAIRS[:6]), records(*PAIRS[6:], name="held_out.jsonl")
    peace, struck = (
        new_job(name, data=[data], held_out=[held_out], steps=60, state_every=3)
        for name in ("peace", "struck")
    )
    assert train(peace)
    child = subprocess.Popen([sys.executable, "-m", "secretariat.models.training", str(struck)])
    _wait_for(lambda: len(progress(struck)) >= 20 if (struck / "progress.jsonl").is_file() else False)
    time.sleep(random.Random(os.getpid()).random() * 0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert "event" not in progress(struck)[-1]
    assert train(struck)
    assert curve(struck) == curve(peace)
    assert results(struck) == results(peace)


def _wait_for(holds, seconds=250.0):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.002)


def test_when_it_is_told_to_stop_it_leaves_a_state_and_goes_on_later(new_job, records, monkeypatch):
    data = [records(*PAIRS)]
    peace, stopped = (new_job(name, data=data, steps=12, state_every=100) for name in ("peace", "stopped"))
    assert train(peace)
    unwatched = Supervised.loss

    def watched(self, part):
        if len(progress(stopped)) == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return unwatched(self, part)

    monkeypatch.setattr(Supervised, "loss", watched)
    assert main([str(stopped)]) == 0
    assert progress(stopped)[-1] == {"event": "stopped", "ended_by": "signal"}
    assert not (stopped / "result").exists()
    monkeypatch.undo()
    assert train(stopped)
    assert curve(stopped) == curve(peace)
    assert results(stopped) == results(peace)


def test_it_ends_when_what_is_held_out_gets_worse_and_keeps_the_best(new_job, records, chat_folder):
    held_out = records(*[(question, "never") for question, _ in PAIRS], name="held_out.jsonl")
    folder = new_job(
        data=[records(*PAIRS)], held_out=[held_out], steps=200, batch_tokens=256, row_tokens=256, patience=3
    )
    assert train(folder)
    told, found = progress(folder), summary(folder)
    assert told[-1] == {"event": "ended", "ended_by": "held_out"}
    assert len(told) < 200
    measured = {line["step"]: line["held_out"] for line in told if "held_out" in line}
    assert found["best_step"] == min(measured, key=lambda step: measured[step])
    assert found["held_out"] == min(measured.values()) < found["first_held_out"]
    assert max(measured) == found["steps"] == found["best_step"] + 3 * 2
    assert found["gap"] > 0
    assert told[-2]["gap"] > found["gap"]


def test_a_budget_ends_it_with_a_result(new_job, records):
    folder = new_job(data=[records(*PAIRS)], steps=500, max_tokens=600)
    assert train(folder)
    assert progress(folder)[-1] == {"event": "ended", "ended_by": "budget"}
    assert 600 <= summary(folder)["tokens"] < 700
    assert (folder / "result" / "adapter_config.json").is_file()


@pytest.mark.parametrize("learn", [{"kind": "full"}, {"kind": "lora", "rank": 4, "rs": True, "alpha": 4}])
def test_narrow_weights_learn_through_wide_masters(new_job, records, learn):
    folder = new_job(
        data=[records(*PAIRS)], dtype="bfloat16", learn=learn, steps=15, batch_tokens=256, row_tokens=256,
        learning_rate=5e-3,
    )  # fmt: skip
    assert train(folder)
    losses = [line["loss"] for line in progress(folder)[:-1]]
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"recipe": "alchemy"}, "recipe is none of"),
        ({"steps": 0}, "steps is below 1"),
        ({"steps": "many"}, "steps is no whole number"),
        ({"learn": {"kind": "dream"}}, "kind is none of"),
        ({"learn": {"rank": 4, "colour": "red"}}, r"learn\.colour isn't known"),
        ({"data": ["nowhere.jsonl"]}, "there is no nowhere.jsonl"),
        ({"row_tokens": 8}, "8 of 8 examples are longer than row_tokens"),
        ({"learn": {"targets": ["gate_proj"]}}, "mixers of 0 of 2 layers"),
        ({"learn": {"targets": ["q_proj", "elbow"]}}, "has no elbow"),
        ({"learn": {"kind": "svf"}}, "basis is missing"),
    ],
)
def test_a_job_that_cannot_be_done_says_why(new_job, records, change, words, capsys):
    folder = new_job(**{"data": [records(*PAIRS)], **change})
    with pytest.raises(ModelError, match=words) as caught:
        train(folder)
    assert main([str(folder)]) == 2
    assert json.loads((folder / "error.json").read_text()) == {
        "code": caught.value.code, "message": caught.value.message,
    }  # fmt: skip
    assert caught.value.message in capsys.readouterr().err


def test_a_line_that_is_wrong_is_named_and_not_quoted(new_job, tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"messages": [{"role": "user", "content": "secret"}]}\n')
    with pytest.raises(ModelError, match=r"bad\.jsonl, line 1: messages don't end") as caught:
        train(new_job(data=[str(path)]))
    assert "secret" not in caught.value.message


def test_conversations_and_texts_are_learnt_together(new_job, records, tmp_path):
    texts = tmp_path / "texts.jsonl"
    texts.write_text(json.dumps({"id": "a", "text": "Lome lies by the sea. " * 8}) + "\n")
    folder = new_job(data=[records(*PAIRS), str(texts)], steps=8, batch_tokens=320)
    assert train(folder)
    assert summary(folder)["examples"] == len(PAIRS) + 3
    told = progress(folder)
    assert told[7]["loss"] < told[0]["loss"]


def test_without_compiled_operations_frozen_matrices_multiply_as_they_are(
    new_job, records, monkeypatch, caplog, request
):
    """Said in the log, and no reason to fail."""
    monkeypatch.setenv("SECRETARIAT_ISA", "none")
    library.cache_clear()
    request.addfinalizer(library.cache_clear)
    told = {}
    for frozen in ("plain", "u8"):
        folder = new_job(frozen, data=[records(*PAIRS)], steps=2, frozen=frozen)
        assert train(folder)
        told[frozen] = [line["loss"] for line in progress(folder) if "step" in line]
    assert told["u8"] == told["plain"]
    assert "takes longer: there is neither a C++ compiler" in caplog.text


def test_a_state_of_another_job_is_refused(new_job, records):
    folder = new_job(data=[records(*PAIRS)], max_tokens=100)
    assert train(folder)
    job = json.loads((folder / "job.json").read_text())
    (folder / "job.json").write_text(json.dumps({**job, "seed": 4}))
    with pytest.raises(ModelError, match="another job"):
        train(folder)
