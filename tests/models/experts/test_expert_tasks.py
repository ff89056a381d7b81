"""What experts are measured with: right answers count whole, others not, and nothing of it is trained on."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from benchmarks.experts import folder, requests, tasks, unseen
from benchmarks.experts.agreement import agreement
from benchmarks.experts.knowledge import KNOWN
from benchmarks.experts.tasks import task_of, worth_of
from benchmarks.quality.sets import xquad
from secretariat.models.adapters.lora import read_lora
from secretariat.models.adapters.modules import place_of
from secretariat.models.nets.adapters import AdapterPlan
from secretariat.models.nets.batch import Run, StepBatch
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.nets.load import load_chat_model
from secretariat.models.nets.memory import MemorySize
from secretariat.models.training.data import extraction, tool_calls
from secretariat.models.training.data.contamination import Guard
from secretariat.models.training.data.forms import OTHERWISE, cited
from tests.models.training.tiny_chat import tiny_chat

EXPERTS = ("chat", "grounded", "tools", "plans", "forms", "intent")
NONSENSE = ("purple elephants dance slowly", '{"zebra": "stripes"}', "")
needs_sets = pytest.mark.skipif(
    not all(path.is_file() for path in requests.SETS), reason="the public sets aren't here"
)


@pytest.fixture
def few(monkeypatch) -> Iterator[None]:
    """Of XQuAD: ranking all of it takes seconds."""
    questions, passages = xquad()
    monkeypatch.setattr(requests, "xquad", lambda: (questions[:40], passages[: questions[39].gold + 1]))
    tasks.tasks.cache_clear()
    yield
    tasks.tasks.cache_clear()


def right(task: tasks.Task) -> str:
    expected = task.expected
    if expected.abstains:
        return OTHERWISE
    return cited([(expected.source, expected.answers[0])]) if expected.source else expected.answers[0]


def check(records: Iterable[requests.Record]) -> None:
    for made in map(task_of, records):
        if not made.judged:
            continue
        source = (made.expected.texts or {}).get(made.expected.source or "")
        if source is None or made.expected.answers[0] in source:  # else it is copied from two places
            assert worth_of(made, right(made)) == 1, made
        assert all(worth_of(made, nonsense) < 0.01 for nonsense in NONSENSE), made


@needs_sets
def test_right_answers_to_mixed_requests_count_whole_and_nonsense_nothing(few):
    made = requests.mixed(EXPERTS, "chat", 36)
    assert set(Counter(one["expert"] for one in made).values()) == {6}
    assert len({one["id"] for one in made}) == 36
    check(made)
    unjudged = [one for one in made if not task_of(one).judged]
    assert {one["expert"] for one in unjudged} == {"chat"}
    assert len(unjudged) == 3


@needs_sets
def test_questions_about_sources_are_not_among_the_mixed_requests(few):
    made, others = requests.grounded(12), requests.mixed(("chat", "grounded"), "chat", 24)
    check(made)
    asked = {one["messages"][-1]["content"] for one in others}
    assert not [one for one in made if one["messages"][-1]["content"] in asked]


@needs_sets
def test_labels_and_small_talk_are_of_the_part_for_testing():
    held = json.loads(requests.CLINC.read_text())
    trained = {text for part in ("train", "val", "oos_train", "oos_val") for text, _ in held[part]}
    made = requests.mixed(("chat", "intent"), "chat", 80)
    said = {one["messages"][-1]["content"].rpartition("Text:\n")[2] for one in made}
    assert len(said) > 70
    assert not said & trained


def test_an_unseen_kind_is_judged_and_its_words_are_nowhere_in_training():
    made = list(unseen.unseen(60))
    check(made)
    assert Counter(one["expert"] for one in made) == {"forms": 30, "intent": 30}
    assert len({one["messages"][-1]["content"] for one in made}) == 60
    texts = ("; ".join(one["messages"][-1]["content"] for one in made)).casefold()
    fields = {line.field for notice in unseen.NOTICES for line in notice}
    for kind in extraction._KINDS:
        assert not fields & {field.name for field in kind}
        for sentence in chain.from_iterable(field.sentences for field in kind):
            stem = max(sentence.split("{v}"), key=len).casefold().strip(" .")
            assert len(stem) < 15 or stem not in texts, sentence


def test_what_anybody_knows_is_asked_in_no_words_of_training():
    guard = Guard((question, question) for question in tool_calls._OTHERS)
    assert not list(guard.overlaps("known", (question for question, *_ in KNOWN)))
    assert not {question for question, *_ in KNOWN} & set(tool_calls._OTHERS)


@pytest.mark.parametrize(
    ("said", "expected", "worth"),
    [
        ('{"tool": "b"}', '{"tool": "b"}', 1),
        ('{"tool": "b", "arguments": {"n": 5}}', '{"tool": "none"}', 0),
        ('{"a": "x", "b": null}', '{"a": "x", "b": "y"}', 0.5),
        ('{"a": "1"}', '{"a": 1}', 0),
        ('{"a": true}', '{"a": 1}', 0),
        ('{"expression": "5 * 12 + 0"}', '{"expression": "12 * 5"}', 1),
        ('{"expression": "5 *"}', '{"expression": "12 * 5"}', 0),
        ('{"steps": [{"tool": "b", "arguments": {"x": "?"}}]}', '{"steps": [{"tool": "b"}]}', 1),
        ('{"steps": [{"tool": "b"}, {"tool": "a"}]}', '{"steps": [{"tool": "a"}, {"tool": "b"}]}', 0),
        ('{"steps": [', '{"steps": [{"tool": "a"}]}', 0),
    ],
)
def test_json_is_worth_what_of_it_is_right(said, expected, worth):
    assert agreement(said, expected) == worth


def adapter(into: Path, base: Path, seed: int, acts: str = "always") -> None:
    """Random low-rank changes of every matrix, of rank 2."""
    draw, config = torch.Generator().manual_seed(seed), open_checkpoint(base).config
    tensors = {}
    for layer in range(len(config.layers)):
        for parent, names in (("self_attn", "qkvo"), ("mlp", ("gate", "up", "down"))):
            for module in (f"model.layers.{layer}.{parent}.{name}_proj" for name in names):
                place = place_of(module, config)
                assert place is not None
                tensors[f"base_model.model.{module}.lora_A.weight"] = torch.randn(
                    2, place.inputs, generator=draw
                )
                tensors[f"base_model.model.{module}.lora_B.weight"] = 0.05 * torch.randn(
                    place.count, 2, generator=draw
                )
    into.mkdir(parents=True, exist_ok=True)
    save_file(tensors, into / "adapter_model.safetensors")
    (into / "adapter_config.json").write_text(
        json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 4, "acts": acts})
    )


def logits(directory: Path, lora: Path | None = None) -> torch.Tensor:
    plan = AdapterPlan(rows=1, rank=2) if lora else None
    chat = load_chat_model(directory, backend="torch", threads=1, adapters=plan)
    if lora is not None:
        assert chat.network.adapters is not None
        chat.network.adapters.set(1, read_lora(lora, open_checkpoint(directory).config))
    chat.network.allocate(MemorySize(pages=2, slots=0))
    tokens = np.arange(12, dtype=np.int32)
    run = Run(0, 12, np.arange(2, dtype=np.int32), adapter=1 if lora else 0)
    return chat.network.forward(StepBatch(tokens, (run,), tokens)).clone()


@pytest.fixture
def served(tmp_path: Path, monkeypatch) -> Callable[..., Path]:
    """A model with experts of these names in a models' folder of its own."""
    models = tmp_path / "models"
    (models / "base").mkdir(parents=True)
    base = tiny_chat(models / "base")
    monkeypatch.setattr(folder, "MODELS", models)
    monkeypatch.setattr(tasks, "MODELS", models)
    monkeypatch.setattr(tasks, "FOLDER", tmp_path / "experts")
    for name, size in (("MIXED", 12), ("GROUNDED", 6), ("UNSEEN", 4)):
        monkeypatch.setattr(folder, name, size)

    def make(*names: str) -> Path:
        of = models / "base-experts"
        for seed, name in enumerate(names):
            adapter(of / "experts" / name, base, seed)
        told = {name: {"about": name, "adapter": f"experts/{name}"} for name in names}
        team = {"model": "base", "general": "chat", "experts": {"chat": {"about": "all else"}, **told}}
        (of / "experts.json").write_text(json.dumps(team))
        return of

    return make


@needs_sets
def test_what_was_laid_out_stays_until_there_are_other_experts(served, few, tmp_path):
    served("forms", "intent")
    assert folder.found() == "base-experts"
    assert folder.lay_out("base-experts") == []
    laid = tmp_path / "experts"
    assert [task.expert for task in tasks.tasks("requests.jsonl")[:3]] == ["chat", "forms", "intent"]
    assert tasks.team().adapters["forms"] == tmp_path / "models" / "base-experts" / "experts" / "forms"
    assert tasks.model() == "base"
    before = {path: path.stat().st_mtime_ns for path in laid.rglob("*.*") if path.name != "served.json"}
    assert folder.lay_out("base-experts") == []
    assert {path: path.stat().st_mtime_ns for path in before} == before
    served("forms", "intent", "tools")
    assert folder.lay_out("base-experts") == []
    tasks.tasks.cache_clear()
    assert {task.expert for task in tasks.tasks("requests.jsonl")} == {"chat", "forms", "intent", "tools"}
    assert (laid / "grounded.jsonl").stat().st_mtime_ns == before[laid / "grounded.jsonl"]


def test_an_expert_as_a_model_of_its_own_says_what_base_and_adapter_say(served, monkeypatch, tmp_path):
    monkeypatch.setattr(requests, "SETS", (tmp_path / "absent",))
    of = served("forms", "intent")
    assert folder.lay_out("base-experts") == [f"{tmp_path / 'absent'}: a public set"]
    whole, base = tmp_path / "experts" / "whole", tmp_path / "models" / "base"
    said = logits(whole / "forms")
    assert (said - logits(base)).abs().max() > 0.1
    torch.testing.assert_close(said, logits(base, of / "experts" / "forms"), rtol=1e-3, atol=1e-3)
    before = {name: (whole / name / "expert.safetensors").read_bytes() for name in ("forms", "intent")}
    adapter(of / "experts" / "forms", base, seed=9)
    folder.lay_out("base-experts")
    after = {name: (whole / name / "expert.safetensors").read_bytes() for name in before}
    assert {name for name in before if before[name] != after[name]} == {"forms"}, "trained anew, merged anew"


def test_a_model_without_experts_is_told_what_it_lacks(served):
    assert "train the experts first" in folder.lay_out("base")[0]
