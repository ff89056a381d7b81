"""Experts that were trained apart as one network: it does both tasks, tells them apart, and is what is served."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from secretariat.models.adapters.modules import Place
from secretariat.models.commands.files import wanted
from secretariat.models.errors import ModelError
from secretariat.models.nets.batch import Run, StepBatch
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.nets.config import LowRankMoeSpec
from secretariat.models.nets.decoder import TorchNetwork
from secretariat.models.nets.load import Backend, load_chat_model
from secretariat.models.nets.memory import MemorySize
from secretariat.models.training import hybrids
from secretariat.models.training.__main__ import train
from secretariat.models.training.examples import Text
from secretariat.models.training.forward import hidden
from secretariat.models.training.job import Job
from secretariat.models.training.learnt import Learnt
from secretariat.models.training.mixtures import Expert, Shape, joined, made_mixture
from secretariat.models.training.packing import rows_of
from secretariat.models.training.recipes.mixture import Own
from tests.models.training import scripts
from tests.models.training.records import asked, lines, progress
from tests.models.training.tiny_chat import tiny_chat

WORDS = ("nil", "one", "two", "three")
TASKS = {
    "counting": [(f"Count to {n}", word) for n, word in enumerate(WORDS)],
    "shouting": [(f"!! {word}", word.upper()) for word in WORDS],
}
LEARN = {"kind": "lora", "rank": 4, "alpha": 8}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_chat(tmp_path_factory.mktemp("mixed"))


def carried_out(folder: Path, base: Path, **values: Any) -> Path:
    """The result of a job."""
    folder.mkdir()
    job = {
        "model": str(base), "steps": 12, "batch_tokens": 320, "row_tokens": 320, "learning_rate": 3e-2,
        "threads": 1, "dtype": "float32", "evaluate_every": 12, "seed": 3, "learn": LEARN, **values,
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(job))
    assert train(folder)
    return folder / "result"


@pytest.fixture(scope="module")
def experts(base: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """One for each task, trained on it alone."""
    folder, made = tmp_path_factory.mktemp("experts"), []
    for name, pairs in TASKS.items():
        data = lines(folder / f"{name}.jsonl", *(_chat(*pair) for pair in pairs))
        result = carried_out(folder / name, base, recipe="sft", data=[data], held_out=[data])
        made.append({"name": name, "adapter": str(result), "files": [data]})
    return made


def _chat(question: str, answer: str) -> dict[str, Any]:
    record = asked(question)
    record["messages"].append({"role": "assistant", "content": answer})
    return record


def mixed(folder: Path, base: Path, experts: list[dict[str, Any]], **values: Any) -> Path:
    data = [file for expert in experts for file in expert["files"]]
    own = {"experts": experts, "top": 1, "shared_rank": 6, "router_tokens": 400, "steps": 14,
        "learning_rate": 2e-2,
    }  # fmt: skip
    return carried_out(folder, base, recipe="mixture", **{"data": data, "held_out": data, **own, **values})


@pytest.fixture(scope="module")
def result(base: Path, experts: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mixed(tmp_path_factory.mktemp("runs") / "mixture", base, experts)


@pytest.fixture
def served(base: Path, result: Path, tmp_path: Path) -> Callable[..., Path]:
    """The folder that is served; `tensors` replace what was learnt."""

    def made(tensors: dict[str, torch.Tensor] | None = None, **fields: object) -> Path:
        folder = tmp_path / "served"
        folder.mkdir()
        (folder / base.name).symlink_to(base)
        config = json.loads((result / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | fields))
        learnt = load_file(result / "mixture.safetensors") if tensors is None else tensors
        save_file(learnt, folder / "mixture.safetensors", {"weights_sha256": config["base_sha256"]})
        return folder

    return made


def test_one_network_learns_both_experts_tasks_and_tells_them_apart(result, experts):
    last = progress(result.parent)[-1]
    for expert in experts:
        alone = json.loads((Path(expert["adapter"]) / "summary.json").read_text())
        assert last[f"held_out_{expert['name']}"] < alone["held_out"] + 0.05 < alone["first_held_out"] - 1
        assert last[f"own_{expert['name']}"] > 0.7
    assert last["share_counting"] + last["share_shouting"] == pytest.approx(1, abs=1e-3)
    assert 0.9 < last["balance"] <= 1


def test_routers_begin_by_telling_the_experts_data_apart(base, experts, tmp_path):
    told = {}
    for name, tokens in (("told", 400), ("untold", 0)):
        run = mixed(tmp_path / name, base, experts, steps=1, learning_rate=0.0, router_tokens=tokens).parent
        told[name] = progress(run)[-1]
    assert told["told"]["own_counting"] > 0.7 < told["told"]["own_shouting"]
    assert told["untold"]["share_counting"] == 1.0, "of equals the first is chosen"
    assert told["told"]["router_loss"] < 0.8 * told["untold"]["router_loss"] == pytest.approx(0.8 * np.log(2))


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_the_folder_serves_what_training_goes_through(served, backend: Backend):
    folder = served()
    tokens = list(b"Count to 2, and !! then shout")
    chat = load_chat_model(folder, backend="torch", form="float32", threads=1)
    assert isinstance(chat.network, TorchNetwork)
    decoder = chat.network.decoder
    assert isinstance(decoder.config.layers[0].feed_forward, LowRankMoeSpec)
    routers: list[torch.Tensor] = []
    with torch.no_grad():
        wanted = decoder.head(hidden(decoder, rows_of([Text(tokens, "t")]), routers=routers))[
            0, : len(tokens)
        ]
    assert len({int(first) for first in routers[1][: len(tokens)].argmax(dim=-1)}) == 2, (
        "both experts are chosen"
    )
    network = load_chat_model(folder, backend=backend, form="float32", threads=1).network
    network.allocate(MemorySize(pages=4, slots=0, kv_dtype=torch.float32))
    run = Run(0, len(tokens), np.arange(4, dtype=np.int32))
    rows = np.arange(len(tokens), dtype=np.int32)
    found = network.forward(StepBatch(np.array(tokens, np.int32), (run,), rows))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_what_is_saved_is_what_was_learnt_and_learns_on_as_any_model(result, served, experts, tmp_path):
    """Within bfloat16's rounding of the changes."""
    summary = json.loads((result / "summary.json").read_text())
    assert summary["experts"] == list(TASKS)
    assert 1 < summary["active"] < 1.4
    assert wanted([path.name for path in sorted(result.iterdir())]) == ["config.json", "mixture.safetensors"]
    data = [expert["files"][0] for expert in experts]
    going_on = carried_out(tmp_path / "on", served(), recipe="sft", data=data, held_out=data, steps=3)
    told = json.loads((going_on / "summary.json").read_text())
    assert told["first_held_out"] == pytest.approx(summary["held_out"], abs=0.02)
    assert "model.layers.1.mlp.down_proj" in str(load_file(going_on / "adapter_model.safetensors").keys())


def test_experts_without_adapters_begin_as_the_base(base):
    network = load_chat_model(base, backend="torch", threads=1).network
    assert isinstance(network, TorchNetwork)
    nobody = [Expert("one", None), Expert("two", None)]
    decoder = made_mixture(network.decoder, nobody, Shape(top=2, rank=3, shared_rank=2), seed=1)
    rows = rows_of([Text(list(b"Count to 2"), "t")])
    with torch.no_grad():
        torch.testing.assert_close(hidden(decoder, rows), hidden(network.decoder, rows))


def test_what_is_changes_itself_can_be_a_mixtures_base(base, experts, tmp_path):
    """With a branch, which the experts change too."""
    hybrid, network = tmp_path / "hybrid", load_chat_model(base, backend="torch", threads=1).network
    assert isinstance(network, TorchNetwork)
    hybrid.mkdir()
    (hybrid / base.name).symlink_to(base)
    shape = hybrids.Shape(layers=(1,), window=16)
    decoder = hybrids.made_hybrid(network.decoder, open_checkpoint(base), shape)
    ranks = hybrids.Ranks(branch=2, network=2)
    part = hybrids.HybridPart(decoder, open_checkpoint(base), base, shape, ranks, seed=0)
    Learnt([part])
    part.save(hybrid)
    data = [expert["files"][0] for expert in experts]
    adapter = carried_out(tmp_path / "adapter", hybrid, recipe="sft", data=data, steps=2)
    both = [experts[0] | {"adapter": str(adapter)}, experts[1] | {"adapter": None}]
    result = mixed(tmp_path / "mixture", hybrid, both, steps=2)
    served = tmp_path / "served"
    served.mkdir()
    for name in ("config.json", "mixture.safetensors"):
        (served / name).write_bytes((result / name).read_bytes())
    assert "model.layers.1.mamba.out_proj.up" in load_file(served / "mixture.safetensors")
    again = carried_out(tmp_path / "on", served, recipe="sft", data=data, held_out=data, steps=1)
    wanted, told = (json.loads((one / "summary.json").read_text()) for one in (result, again))
    assert told["first_held_out"] == pytest.approx(wanted["held_out"], rel=0.01)


def test_pairs_that_need_more_than_their_rank_are_cut_to_what_comes_closest():
    draw = torch.Generator().manual_seed(1)
    pairs = [(torch.randn(3, 11, generator=draw), torch.randn(7, 3, generator=draw)) for _ in range(2)]
    whole = sum(up @ down for down, up in pairs)
    for rank in (8, 6, 2):
        down, up = joined(pairs, rank, Place("layers.0.feed_forward.down", 0, 7, 11), draw)
        assert (down.shape, up.shape) == ((rank, 11), (7, rank))
        left, sigma, right = torch.linalg.svd(torch.as_tensor(whole), full_matrices=False)
        closest = (left[:, :rank] * sigma[:rank]) @ right[:rank]
        torch.testing.assert_close(up @ down, closest, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("lost", "shape", "fields", "says"),
    [
        ("model.layers.1.mlp.router.weight", None, {}, "router.weight is missing"),
        ("model.layers.0.mlp.experts.up_proj.ups", (2, 4, 3), {}, "not .2, 4, 48."),
        (None, None, {"moe_top": 3}, "more than 2 experts"),
        (None, None, {"moe_experts": ["one", "one"]}, "not the names of two"),
        (None, None, {"moe_experts": None}, "lacks moe_experts"),
    ],
)
def test_a_folder_that_does_not_hold_together_is_refused(result, served, lost, shape, fields, says):
    tensors = load_file(result / "mixture.safetensors")
    if lost is not None:
        del tensors[lost]
        tensors |= {} if shape is None else {lost: torch.zeros(shape)}
    with pytest.raises(ModelError, match=says) as caught:
        open_checkpoint(served(tensors, **fields))
    assert caught.value.code == "checkpoint_invalid"


@pytest.mark.parametrize(
    ("changed", "values", "says"),
    [
        ({}, {"top": 3}, "more than 2 experts"),
        ({"name": "no name"}, {}, "made of letters"),
        ({"files": ["elsewhere.jsonl"]}, {}, "neither in data nor in held_out"),
        ({"what": 1}, {}, "name, adapter and files"),
        ({}, {"tops": 1}, "tops isn't known"),
        ({}, {"learn": {"kind": "full"}}, "a rank alone"),
        ({"adapter": "nowhere"}, {}, "adapter_config.json"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_by_name(base, experts, tmp_path, changed, values, says):
    files = [file for expert in experts for file in expert["files"]]
    data = {"data": files, "held_out": files}
    with pytest.raises(ModelError, match=says):
        mixed(tmp_path / "refused", base, [experts[0] | changed, experts[1]], **(data | values))


def test_the_command_mixes_what_the_experts_command_has_trained(base, experts):
    jobs = Path(experts[0]["adapter"]).parents[1]
    script = scripts.script("train_mixture")
    options = script.asked(["--jobs", str(jobs), "--models", str(base.parent), "--base", base.name])
    made = Job.of(script.job(options))
    own = Own.of(made)
    assert made.model == str(base)
    assert {(one.name, one.adapter) for one in own.experts} == {
        (one["name"], one["adapter"]) for one in experts
    }
    assert {own.label(file) for file in made.data} == {0, 1}
