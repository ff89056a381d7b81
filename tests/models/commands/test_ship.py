"""What was trained here is put among what comes with the code, and from there into a models directory."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from safetensors.torch import load_file as load_torch

from secretariat.models import installed
from secretariat.models.catalog import HubRepository
from secretariat.models.checkpoints.digest import weights_sha256
from secretariat.models.commands import ship as shipping
from secretariat.models.errors import ModelError
from secretariat.models.experts.team import read_team
from secretariat.models.installed import OURS, default_chat, find
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.pull import pull
from tests.models.nets.tiny_gguf import checkpoint

CHANGED = "model.layers.0.self_attn.q_proj"


@pytest.fixture
def trained(tmp_path: Path, run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models directory with "base", which the catalogue knows here, changes of it, and experts over these."""
    (tmp_path / "base").mkdir()
    checkpoint(tmp_path / "base", licence="apache-2.0")
    run("add", str(tmp_path / "base"))
    models = tmp_path / "models"
    known = replace(find("base", models), origins=(HubRepository("nobody/base"),))
    for module in (installed, shipping):
        monkeypatch.setattr(module, "CATALOG", {"base": known})
    monkeypatch.delenv(installed.CHAT_VARIABLE)
    shipped = tmp_path / "shipped"
    monkeypatch.setattr(installed, "SHIPPED", shipped)
    monkeypatch.setattr("secretariat.models.pull.SHIPPED", shipped)
    made = models / OURS
    made.mkdir()
    (made / "config.json").write_text(json.dumps({"model_type": "secretariat_h", "base": "base"}))
    sha256 = weights_sha256(open_checkpoint(models / "base").paths)
    pair = {f"{CHANGED}.down": np.ones((2, 8), np.float32), f"{CHANGED}.up": np.ones((8, 2), np.float32)}
    save_file(pair, made / "deltas.safetensors", {"weights_sha256": sha256})
    adapter = models / "experts-of-ours" / "experts" / "cite"
    adapter.mkdir(parents=True)
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 2, "lora_alpha": 4}')
    at = "base_model.model.model.layers.0.self_attn.q_proj.lora_"
    save_file(
        {f"{at}A.weight": np.ones((2, 8), np.float32), f"{at}B.weight": np.ones((8, 2), np.float32)},
        adapter / "adapter_model.safetensors",
    )
    experts = {"cite": {"about": "texts", "adapter": "experts/cite"}}
    told = {"model": OURS, "general": "cite", "experts": experts}
    (models / "experts-of-ours" / "experts.json").write_text(json.dumps(told))
    return models


def shipped(models: Path, **more: object) -> dict[str, object]:
    return shipping.ship(OURS, models, experts="experts-of-ours", into=installed.SHIPPED, **more)  # type: ignore[arg-type]


def test_what_is_shipped_becomes_the_default_and_is_put_beside_its_base(trained, tmp_path):
    assert default_chat() == "smollm2-135m-instruct"
    assert shipped(trained)["base"] == "base"
    assert default_chat() == OURS
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "base").symlink_to(trained / "base")
    directory = pull(OURS, elsewhere)
    ours = open_checkpoint(directory)
    assert weights_sha256(ours.paths) == weights_sha256(open_checkpoint(trained / OURS).paths)
    team = read_team(directory)
    assert team is not None
    (adapter,) = team.adapters.values()
    assert set(team.adapters) == {"expert/cite"}
    half = load_torch(adapter / "adapter_model.safetensors")
    assert {each.dtype for each in half.values()} == {torch.bfloat16}
    assert all((each == 1).all() for each in half.values())


def test_what_was_put_there_follows_the_code_and_what_was_made_there_stays(trained, tmp_path):
    shipped(trained)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "base").symlink_to(trained / "base")
    pull(OURS, elsewhere)
    learnt = load_file(trained / OURS / "deltas.safetensors")
    sha256 = weights_sha256(open_checkpoint(trained / "base").paths)
    again = {name: 2 * array for name, array in learnt.items()}
    save_file(again, trained / OURS / "deltas.safetensors", {"weights_sha256": sha256})
    shipped(trained)
    pull(OURS, elsewhere)
    assert load_file(elsewhere / OURS / "deltas.safetensors")[f"{CHANGED}.up"][0, 0] == 2
    before = (trained / OURS / "config.json").stat().st_mtime_ns
    pull(OURS, trained)
    assert (trained / OURS / "config.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda m: (m / OURS / "config.json").write_text('{"base": "mine"}'), "isn't changes of a model"),
        (
            lambda m: (m / "experts-of-ours" / "experts.json").write_text('{"model": "base"}'),
            "no experts over",
        ),
        (
            lambda m: (m / "experts-of-ours/experts/cite/adapter_model.safetensors").write_bytes(b"x"),
            "adapter_model",
        ),
    ],
)
def test_what_could_not_be_served_is_not_shipped(trained, spoil, says):
    spoil(trained)
    with pytest.raises(ModelError, match=says):
        shipped(trained)
    assert not list(installed.SHIPPED.glob("[!.]*"))


def test_more_than_the_repository_holds_is_not_shipped(trained):
    with pytest.raises(ModelError, match="more than 100"):
        shipped(trained, most=100)
    assert not list(installed.SHIPPED.glob("[!.]*"))
