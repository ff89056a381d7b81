"""Vectors that learn: their loss falls, they repeat themselves, and the engine's network says what was trained."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from secretariat.models.adapters.lora import read_lora
from secretariat.models.adapters.svf import make_basis, read_basis, read_vector, save_basis
from secretariat.models.core import ChatMessage
from secretariat.models.errors import ModelError
from secretariat.models.nets.adapters import Adapter, AdapterPlan
from secretariat.models.nets.batch import Run, StepBatch
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.nets.load import load_chat_model
from secretariat.models.nets.memory import MemorySize
from secretariat.models.tokens.chat import Turn, lay_out
from secretariat.models.training.__main__ import train
from secretariat.models.training.acting import header_of

PAIRS = [(f"What is {n}?", word) for n, word in enumerate(["nil", "one", "two", "three"])]


@pytest.fixture(scope="module")
def basis(chat_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    checkpoint = open_checkpoint(chat_folder)
    path = tmp_path_factory.mktemp("basis") / "basis.safetensors"
    save_basis(make_basis(checkpoint.weights, checkpoint.config, directions=24), path)
    return path


def learn_svf(basis: Path, **more: str) -> dict[str, str]:
    return {"kind": "svf", "basis": str(basis), **more}


def losses(folder: Path) -> list[float]:
    told = [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]
    return [line["loss"] for line in told if "step" in line]


def answer_loss(chat_folder: Path, adapter: Adapter, basis: Path, *, late: bool) -> float:
    """Mean over the answers of PAIRS, as the engine's network runs them: a row for each part of the prompt."""
    checkpoint = open_checkpoint(chat_folder)
    plan = AdapterPlan(rows=1, rank=4, basis=read_basis(basis, checkpoint.config))
    chat = load_chat_model(chat_folder, backend="torch", adapters=plan, threads=1)
    assert chat.network.adapters is not None
    assert chat.template is not None
    chat.network.adapters.set(1, adapter)
    chat.network.allocate(MemorySize(pages=16, slots=0))
    pages, found = np.arange(16, dtype=np.int32), []
    for question, answer in PAIRS:
        prompt = lay_out(chat.template, chat.tokenizer, [Turn.of(ChatMessage("user", question))]).ids
        said = [*chat.tokenizer.encode(answer), *sorted(chat.eos_ids)[:1]]
        start = len(prompt) - header_of(chat) if late else 0
        tokens = np.array([*prompt, *said], np.int32)[:-1]
        wanted = np.arange(len(prompt) - 1, len(tokens), dtype=np.int32)
        runs = tuple(
            Run(first, stop - first, pages, adapter=row)
            for first, stop, row in ((0, start, 0), (start, len(tokens), 1))
            if stop > first
        )
        for run in runs[:-1]:
            chat.network.forward(StepBatch(tokens[: run.count], (run,), np.array([], np.int32)))
        last = runs[-1]
        logits = chat.network.forward(StepBatch(tokens[last.start :], (last,), wanted - last.start))
        found.append(torch.nn.functional.cross_entropy(logits, torch.tensor(said), reduction="none"))
    return float(torch.cat(found).mean())


@pytest.mark.parametrize("acts", ["always", "answer"])
def test_a_vector_learns_and_the_engines_network_says_what_was_trained(
    basis: Path, new_job, records, chat_folder: Path, acts: str
):
    data = records(*PAIRS)
    folder = new_job(
        recipe="svf", data=[data], held_out=[data], steps=30, learning_rate=0.1, batch_tokens=128, row_tokens=128,
        evaluate_every=30, learn=learn_svf(basis, acts=acts),
    )  # fmt: skip
    assert train(folder)
    assert losses(folder)[-1] < 0.9 * losses(folder)[0]
    result = folder / "result"
    vector = read_vector(
        result / "vector.safetensors", read_basis(basis, open_checkpoint(chat_folder).config)
    )
    assert vector.acts == acts
    told = json.loads((result / "summary.json").read_text())["held_out"]
    engines = answer_loss(chat_folder, vector, basis, late=acts == "answer")
    assert engines == pytest.approx(told, abs=2e-3)
    others = answer_loss(chat_folder, vector, basis, late=acts != "answer")
    assert others != pytest.approx(told, abs=2e-3)


def test_a_lora_that_acts_on_the_answer_is_what_was_trained_too(
    basis: Path, new_job, records, chat_folder: Path
):
    data = records(*PAIRS)
    learn = {"kind": "lora", "rank": 4, "alpha": 8, "acts": "answer"}
    folder = new_job(data=[data], held_out=[data], steps=10, evaluate_every=10, learn=learn)
    assert train(folder)
    lora = read_lora(folder / "result", open_checkpoint(chat_folder).config)
    assert lora.acts == "answer"
    told = json.loads((folder / "result" / "summary.json").read_text())["held_out"]
    assert answer_loss(chat_folder, lora, basis, late=True) == pytest.approx(told, abs=1e-3)


def test_the_same_seed_gives_the_same_vector(basis: Path, new_job, records):
    data = records(*PAIRS)
    made = []
    for name in ("one", "two"):
        folder = new_job(name, recipe="svf", data=[data], steps=3, learn=learn_svf(basis))
        assert train(folder)
        made.append((folder / "result" / "vector.safetensors").read_bytes())
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"learn": {"kind": "lora"}}, "learn.kind"),
        ({"recipe": "reward", "learn": {"kind": "lora", "acts": "answer"}}, "learn.acts"),
    ],
)
def test_what_does_not_go_together_is_said(new_job, records, changes: dict[str, object], param: str):
    with pytest.raises(ModelError) as caught:
        train(new_job(**{"recipe": "svf", "data": [records(*PAIRS)], **changes}))
    assert (caught.value.code, caught.value.param) == ("training_invalid", param)
