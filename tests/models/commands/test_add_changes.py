"""`models add` of a folder with changes of another model: it is taken in beside its base, with its experts."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from secretariat.models.checkpoints.digest import weights_sha256
from secretariat.models.experts.team import read_team
from secretariat.models.installed import find
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.pull import PullError, locate
from secretariat.models.serving.listing import listings
from tests.models.nets.tiny_gguf import checkpoint

CHANGED = "model.layers.0.self_attn.q_proj"


@pytest.fixture
def base(tmp_path: Path, run) -> Path:
    (tmp_path / "base").mkdir()
    checkpoint(tmp_path / "base", licence="apache-2.0")
    assert run("add", str(tmp_path / "base"))[0] == 0
    return tmp_path / "base"


def changes(folder: Path, base: Path) -> Path:
    """Of the tiny model, with one expert."""
    adapter = folder / "experts" / "cite"
    adapter.mkdir(parents=True)
    values = {"model_type": "secretariat_h", "base": "base"}
    (folder / "config.json").write_text(json.dumps(values))
    pair = {f"{CHANGED}.down": np.ones((2, 8), np.float32), f"{CHANGED}.up": np.ones((8, 2), np.float32)}
    sha256 = weights_sha256(open_checkpoint(base).paths)
    save_file(pair, folder / "deltas.safetensors", {"weights_sha256": sha256})
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 2}')
    save_file({"unread": np.ones(1, np.float32)}, adapter / "adapter_model.safetensors")
    experts = {"cite": {"about": "texts", "adapter": "experts/cite", "documents": True}}
    (folder / "experts.json").write_text(json.dumps({"general": "cite", "experts": experts}))
    (folder / "optimizer.bin").write_bytes(b"not ours")
    return folder


def test_changes_are_taken_in_beside_their_base_with_their_experts(tmp_path, base, run):
    code, made = run("add", str(changes(tmp_path / "Better", base)))
    assert (code, made["name"], made["base"], made["licence"]) == (0, "better", "base", "apache-2.0")
    shutil.rmtree(tmp_path / "Better")
    models = tmp_path / "models"
    directory = locate("better", models)
    assert find("better", models).base == "base"
    assert open_checkpoint(directory).stored["layers.0.mixers.0.qkv.weight"] == "F32"
    team = read_team(directory)
    assert team is not None
    assert [path.name for path in sorted(team.adapters["expert/cite"].iterdir())] == [
        "adapter_config.json", "adapter_model.safetensors",
    ]  # fmt: skip
    assert not (directory / "optimizer.bin").exists()
    assert run("check", "better")[1]["holds"]
    listed = listings(models, {}, [])["better"].card()
    assert listed.weights_sha256 == weights_sha256(open_checkpoint(directory).paths)


def test_a_base_stays_as_long_as_another_changes_it(tmp_path, base, run, refused):
    run("add", str(changes(tmp_path / "Better", base)))
    code, said = refused("remove", "base")
    assert (code, "better changes its weights" in said) == ("invalid_request", True)
    assert run("remove", "better")[1]["left"] == []
    assert run("remove", "base")[0] == 0


def test_changes_of_what_is_not_there_leave_nothing_behind(tmp_path, base, run, refused):
    folder = changes(tmp_path / "Better", base)
    run("remove", "base")
    code, said = refused("add", str(folder))
    assert (code, "it changes base, which has to be there first" in said) == ("weights_missing", True)
    assert list((tmp_path / "models").iterdir()) == []


def test_a_model_whose_base_went_missing_is_not_whole(tmp_path, base, run):
    run("add", str(changes(tmp_path / "Better", base)))
    (tmp_path / "models" / "base" / "tiny.gguf").unlink()
    with pytest.raises(PullError, match="base"):
        locate("better", tmp_path / "models")
