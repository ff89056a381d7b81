"""Attention transfer on a tiny network of real files: branches learn what windows leave out; the folder serves."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from secretariat.models.checkpoints.safetensors_file import SafetensorsFile
from secretariat.models.errors import ModelError
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.nets.decoder import Decoder, TorchNetwork
from secretariat.models.nets.load import load_chat_model
from secretariat.models.training.examples import Text
from secretariat.models.training.forward import hidden
from secretariat.models.training.hybrids import HybridPart, Ranks, Shape, made_hybrid
from secretariat.models.training.job import Job
from secretariat.models.training.learnt import Learnt
from secretariat.models.training.packing import rows_of
from secretariat.models.training.recipes import transfer
from tests.models.training.manuals import package, page
from tests.models.training.records import progress
from tests.models.training.tiny_chat import tiny_chat

ROW, WINDOW = 96, 16
WORDS = ("window", "branch", "layer", "paper", "ink", "seal", "record", "letter")


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return tiny_chat(tmp_path_factory.mktemp("transfer"))


@pytest.fixture(scope="module")
def manual(tmp_path_factory) -> Path:
    draw = random.Random(3)
    text = " ".join(draw.choice(WORDS) for _ in range(700))
    pages = {"index.html": page(f"<p>{text}</p>", "b.html"), "b.html": page("<p>the end</p>")}
    return package(tmp_path_factory.mktemp("manuals") / "m.deb", "python3.11-doc", pages)


def run(folder: Path, base: Path, manual: Path, **values: Any) -> Path:
    """The result of a job as its child would carry it out."""
    folder.mkdir()
    learn = values.pop("learn", {"rank": 2})
    job = {
        "recipe": "transfer", "model": str(base), "data": [str(manual)], "steps": 60, "batch_tokens": ROW,
        "row_tokens": ROW, "learning_rate": 0.05, "evaluate_every": 20, "window": WINDOW, "sinks": 2,
        "branch_rank": 8, "held_out_rows": 2, "dtype": "float32", "threads": 1, "learn": learn, **values,
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(job))
    transfer.main(Job.read(folder), folder)
    return folder / "result"


@pytest.fixture(scope="module")
def layers(tmp_path_factory, base, manual) -> Path:
    return run(tmp_path_factory.mktemp("runs") / "layers", base, manual, stage="layers", hybrid_layers=[1])


def summary(result: Path):
    return json.loads((result / "summary.json").read_text())


def test_branches_begin_as_nothing_and_learn_what_the_window_leaves_out(layers):
    told = summary(layers)
    assert told["first_held_out"] == pytest.approx(1.0)
    assert told["held_out"] < 0.995  # random weights over random words: little can be foreseen
    assert {"layer_1"} <= progress(layers.parent)[-1].keys()


def test_what_was_transferred_goes_on_into_training_on_the_text(tmp_path, base, manual, layers):
    start = {"rank": 2, "start": str(layers)}
    result = run(tmp_path / "whole", base, manual, stage="whole", hybrid_layers=[1], learn=start, steps=6)
    told = summary(result)
    assert told["held_out"] < told["first_held_out"]
    assert "branch_far" in progress(result.parent)[-1]
    tensors = SafetensorsFile.open(result / "deltas.safetensors").tensors
    assert {"model.layers.1.mamba.in_proj.down", "model.layers.0.mlp.up_proj.up"} <= tensors.keys()
    assert not any("layers.0.mamba" in name for name in tensors)


def test_a_teacher_takes_a_student_further_whose_branches_learn_first(tmp_path, base, manual):
    """Pairs on the rest of the network stay nothing while branches have their turn."""
    twin = run(tmp_path / "twin", base, manual, stage="whole", hybrid_layers=[], steps=20)
    taught = {"teacher": str(twin), "taught": 0.7, "gate": "after"}
    first = run(
        tmp_path / "first",
        base,
        manual,
        stage="whole",
        hybrid_layers=[1],
        steps=4,
        branches_first=4,
        **taught,
    )
    tensors = SafetensorsFile.open(first / "deltas.safetensors").tensors
    assert not tensors["model.layers.0.mlp.up_proj.up"].floats().any()
    assert tensors["model.layers.1.mamba.out_proj.up"].floats().any()
    then = run(
        tmp_path / "then",
        base,
        manual,
        stage="whole",
        hybrid_layers=[1],
        steps=12,
        branches_first=4,
        **taught,
    )
    assert (
        SafetensorsFile.open(then / "deltas.safetensors")
        .tensors["model.layers.0.mlp.up_proj.up"]
        .floats()
        .any()
    )
    assert summary(then)["held_out"] < summary(then)["first_held_out"]


def test_the_folder_serves_what_was_trained(tmp_path, base, manual, layers):
    result = run(
        tmp_path / "whole", base, manual, stage="whole", hybrid_layers=[0, 1], steps=3, learning_rate=0.05
    )
    served = tmp_path / "served"
    served.mkdir()
    (served / base.name).symlink_to(base)
    for file in ("config.json", "deltas.safetensors"):
        (served / file).write_bytes((result / file).read_bytes())
    checkpoint = open_checkpoint(served)
    decoder = Decoder(checkpoint.config)
    decoder.load_state_dict(
        {name: torch.from_numpy(one.floats()) for name, one in checkpoint.weights.items()}
    )
    rows = rows_of([Text(list(b"a record of the window, a letter in the branch, " * 2), "t")])
    wanted = trained(base, result, rows)
    torch.testing.assert_close(hidden(decoder, rows), wanted, rtol=0.02, atol=0.02)


def trained(base: Path, result: Path, rows) -> torch.Tensor:
    """The last hidden states of the network that training goes on with from `result`."""
    checkpoint, network = open_checkpoint(base), load_chat_model(base, backend="torch").network
    assert isinstance(network, TorchNetwork)
    shape = Shape(layers=(0, 1), window=WINDOW, sinks=2)
    decoder = made_hybrid(network.decoder, checkpoint, shape)
    part = HybridPart(decoder, checkpoint, base, shape, Ranks(branch=8, network=2), seed=0, start=result)
    Learnt([part])
    with torch.no_grad():
        return hidden(decoder, rows)


def test_a_twin_without_hybrid_layers_learns_the_same_text(tmp_path, base, manual):
    result = run(tmp_path / "twin", base, manual, stage="whole", hybrid_layers=[], steps=6)
    assert summary(result)["held_out"] < summary(result)["first_held_out"]
    assert json.loads((result / "config.json").read_text())["hybrid_layers"] == []


def test_windows_tell_which_layers_can_have_one(tmp_path, base, manual):
    found = json.loads(
        (run(tmp_path / "w", base, manual, stage="windows", keep=1) / "windows.json").read_text()
    )
    (kept,) = set(range(2)) - set(found["hybrid_layers"])
    assert found["costs"][kept] == max(found["costs"])
    wide = run(tmp_path / "wide", base, manual, stage="windows", keep=1, window=ROW)
    assert json.loads((wide / "windows.json").read_text())["costs"] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"stage": "half"}, "stage is none of"),
        ({"stage": "layers"}, "names no layer"),
        ({"stage": "layers", "hybrid_layers": [7]}, "hybrid_layers"),
        ({"stage": "whole", "windows": 3}, "windows isn't known"),
        ({"stage": "whole", "row_tokens": 90000}, "too few documents"),
        ({"stage": "whole", "learn": {"kind": "full"}}, "is not lora"),
        ({"stage": "whole", "taught": 2}, "taught is no share"),
        ({"stage": "whole", "taught": "half"}, "taught is no share"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_by_name(tmp_path, base, manual, values, says):
    with pytest.raises(ModelError, match=says):
        run(tmp_path / "refused", base, manual, **values)


def test_a_start_of_another_base_or_rank_is_refused(tmp_path, base, manual, layers):
    (tmp_path / "other").mkdir()
    other = tiny_chat(tmp_path / "other", seed=5)
    start = {"rank": 2, "start": str(layers)}
    with pytest.raises(ModelError, match="another base"):
        run(tmp_path / "a", other, manual, stage="whole", hybrid_layers=[1], learn=start)
    with pytest.raises(ModelError, match="in_proj"):
        run(tmp_path / "b", base, manual, stage="whole", hybrid_layers=[1], learn=start, branch_rank=4)


def test_text_that_tests_are_made_of_is_refused(tmp_path, base, manual):
    draw = random.Random(3)
    planted = " ".join(draw.choice(WORDS) for _ in range(60))
    (tmp_path / "test.json").write_text(json.dumps({"text": planted}))
    with pytest.raises(ModelError, match="python3.11-doc 1.2-3 0 repeats test.json"):
        run(tmp_path / "g", base, manual, stage="whole", guard=[str(tmp_path / "test.json")])
