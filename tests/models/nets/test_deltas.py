"""A hybrid as changes of another checkpoint: it is the one that a whole checkpoint of the same numbers is."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from secretariat.models.checkpoints.digest import weights_sha256
from secretariat.models.checkpoints.safetensors_file import SafetensorsFile, SafetensorsTensor
from secretariat.models.errors import ModelError
from secretariat.models.nets.branch_start import branch_start, small_start
from secretariat.models.nets.checkpoint import Checkpoint, open_checkpoint
from secretariat.models.nets.config import AttentionSpec, Mamba2Spec
from secretariat.models.nets.deltas import merged
from secretariat.models.nets.weights import Computed, held_as
from tests.models.nets.families import family

OWN = {
    "hybrid_layers": [1], "window": 9, "sinks": 2, "mamba_heads": 6, "mamba_head_dim": 8, "mamba_state": 8,
    "mamba_groups": 2, "mamba_conv": 4, "mamba_gate": "after",
}  # fmt: skip
AT = "model.layers.1."
Changes = Mapping[str, np.ndarray[Any, Any] | None]
Make = Callable[..., Path]


def pair(module: str, outputs: int, inputs: int, seed: int) -> dict[str, np.ndarray[Any, Any]]:
    draw = np.random.default_rng(seed)
    down, up = draw.standard_normal((3, inputs), np.float32), draw.standard_normal((outputs, 3), np.float32)
    return {f"{module}.down": down, f"{module}.up": up}


LEARNT = {
    **pair(f"{AT}self_attn.k_proj", 16, 48, 1),
    **pair("model.layers.0.self_attn.q_proj", 48, 48, 2),
    **pair(f"{AT}mlp.up_proj", 40, 48, 3),
    **pair(f"{AT}mamba.in_proj", 48 + 48 + 32 + 6, 48, 4),
    **pair(f"{AT}mamba.out_proj", 48, 48, 5),
    f"{AT}mamba.conv1d.weight": np.random.default_rng(6).standard_normal((80, 1, 4), np.float32),
    f"{AT}mamba.A_log": np.linspace(-1, 2, 6, dtype=np.float32),
    f"{AT}input_layernorm.weight": np.linspace(0.5, 1.5, 48, dtype=np.float32),
}


@pytest.fixture
def base(tmp_path_factory) -> Path:
    made = family("llama", tmp_path_factory.getbasetemp())
    return Path(made.directory)


@pytest.fixture
def learnt(base, tmp_path: Path) -> Make:
    """A folder beside a link to the base; what is given replaces a part of it, None leaves it out."""

    def make(
        tensors: Changes | None = None, fields: Mapping[str, object] | None = None, header: str | None = None
    ) -> Path:
        if not (tmp_path / "llama").exists():
            (tmp_path / "llama").symlink_to(base)
        folder = tmp_path / "learnt"
        folder.mkdir(exist_ok=True)
        values = {"model_type": "secretariat_h", "base": "llama", **OWN, **(fields or {})}
        (folder / "config.json").write_text(json.dumps(values))
        kept = {name: array for name, array in {**LEARNT, **(tensors or {})}.items() if array is not None}
        sha256 = header or weights_sha256(open_checkpoint(base).paths)
        save_file(kept, folder / "deltas.safetensors", {"weights_sha256": sha256})
        return folder

    return make


def whole(base: Path, folder: Path) -> Checkpoint:
    """The same, with every change worked out by hand."""
    folder.mkdir()
    tensors = load_file(base / "model.safetensors")
    qkv = np.concatenate([tensors[f"{AT}self_attn.{x}_proj.weight"] for x in "qkv"])
    config = open_checkpoint(base).config
    seeing = config.layers[1].mixers[0]
    assert isinstance(seeing, AttentionSpec)
    branch = Mamba2Spec(heads=6, head_dim=8, state=8, groups=2, conv=4, gate="after")
    start = branch_start(qkv, tensors[f"{AT}self_attn.o_proj.weight"], seeing, branch)
    for name, array in (start | small_start(seeing, branch)).items():
        theirs = name.replace("conv.", "conv1d.")
        tensors[f"{AT}mamba.{theirs}"] = array.reshape(80, 1, 4) if name == "conv.weight" else array
    for name, array in LEARNT.items():
        if name.endswith(".down"):
            module = name.removesuffix(".down")
            tensors[f"{module}.weight"] = tensors[f"{module}.weight"] + LEARNT[f"{module}.up"] @ array
        elif not name.endswith(".up"):
            tensors[name] = array
    values = json.loads((base / "config.json").read_text()) | OWN | {"model_type": "secretariat_h"}
    (folder / "config.json").write_text(json.dumps(values))
    save_file(
        {name: np.ascontiguousarray(array) for name, array in tensors.items()}, folder / "model.safetensors"
    )
    return open_checkpoint(folder)


def test_only_matrices_of_a_branch_are_made_of_weights(base, learnt, monkeypatch):
    """A model that comes back has its matrices packed: reading the base's again would be all of its time."""
    folder = learnt()
    read: list[str] = []
    floats = SafetensorsTensor.floats

    def noted(tensor: SafetensorsTensor) -> np.ndarray:
        read.append(tensor.entry.name)
        return floats(tensor)

    monkeypatch.setattr(SafetensorsTensor, "floats", noted)
    weights = open_checkpoint(folder).weights
    for name, source in weights.items():
        if name.startswith("layers.1.mixers.1.") and not name.endswith("proj.weight"):
            source.floats()
    assert not [name for name in read if "self_attn" in name]
    weights["layers.1.mixers.1.in_proj.weight"].floats()
    assert [name for name in read if "self_attn" in name]


def test_changes_merge_to_what_a_whole_checkpoint_holds(base, learnt, tmp_path):
    ours, theirs = open_checkpoint(learnt()), whole(base, tmp_path / "whole")
    assert ours.config == theirs.config
    seeing, branch = ours.config.layers[1].mixers
    assert isinstance(seeing, AttentionSpec)
    assert isinstance(branch, Mamba2Spec)
    assert (seeing.window, seeing.sinks, branch.gate) == (9, 2, "after")
    assert len(ours.config.layers[0].mixers) == 1
    assert ours.weights.keys() == theirs.weights.keys()
    for name, source in ours.weights.items():
        assert source.shape == theirs.weights[name].shape
        np.testing.assert_allclose(source.floats(), theirs.weights[name].floats(), rtol=1e-5, atol=1e-6)


def test_both_files_are_what_the_weights_are_called(base, learnt):
    made, plain = open_checkpoint(learnt()), open_checkpoint(base)
    assert [path.name for path in made.paths] == ["model.safetensors", "deltas.safetensors"]
    changed = open_checkpoint(learnt({f"{AT}mamba.A_log": np.zeros(6, np.float32)}))
    assert len({weights_sha256(one.paths) for one in (plain, made)}) == 2
    assert np.array_equal(changed.weights["layers.1.mixers.1.A_log"].floats(), np.zeros(6, np.float32))


@pytest.mark.parametrize(
    ("tensors", "place"),
    [
        ({f"{AT}mlp.up_proj.up": None}, "mlp.up_proj.down lacks its .up"),
        ({f"{AT}mlp.up_proj.down": None}, "mlp.up_proj.up lacks its .down"),
        (pair(f"{AT}mlp.up_proj", 41, 48, 0), "mlp.up_proj has"),
        (pair("model.layers.0.mamba.in_proj", 134, 48, 0), "layers.0.mamba.in_proj.down has no place"),
        (pair("model.layers.7.mlp.up_proj", 40, 48, 0), "layers.7.mlp.up_proj.down has no place"),
        ({f"{AT}mamba.D": np.zeros(5, np.float32)}, "mamba.D has shape"),
        ({"model.layers.0.mamba.D": np.zeros(6, np.float32)}, "layers.0.mamba.D has no place"),
        ({"lm_head.weight": np.zeros((97, 48), np.float32)}, "lm_head.weight has no place"),
    ],
)
def test_a_change_without_a_place_is_refused_by_name(learnt, tensors, place):
    assert place in refusal(learnt(tensors))


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"hybrid_layers": [2]}, "hybrid_layers"),
        ({"hybrid_layers": [1, 1]}, "hybrid_layers"),
        ({"window": 0}, "window = 0"),
        ({"sinks": None}, "lacks sinks"),
        ({"mamba_gate": "ajar"}, "mamba_gate = 'ajar'"),
        ({"mamba_groups": 4}, "mamba_groups = 4"),
        ({"mamba_state": 16}, "can't begin from its attention"),
        ({"base": "../llama"}, "base '../llama'"),
        ({"base": 5}, "base 5"),
        ({"model_type": "llama"}, "only a secretariat_h"),
        ({"form": "q5"}, "form = 'q5'"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused_by_name(learnt, fields, place):
    assert place in refusal(learnt(fields=fields))


def quantised(base: Path) -> dict[str, Any]:
    """The base's weights as a Q4_1 file of the same numbers would offer them."""
    opened = open_checkpoint(base)
    return {
        name: Computed(source.shape, "Q4_1" if len(source.shape) == 2 else "F32", source.floats)
        for name, source in opened.weights.items()
    }


def test_what_is_changed_is_held_in_more_bits_than_a_base_of_four(base, learnt):
    """Rounding to four bits would take back a part of what was learnt."""
    changed = open_checkpoint(learnt())
    dense = open_checkpoint(base).config
    changes = SafetensorsFile.open(learnt() / "deltas.safetensors").tensors
    forms = [
        {
            name: held_as(source)
            for name, source in merged(quantised(base), dense, changed.config, changes, held).items()
        }
        for held in (None, "BF16")
    ]
    for given, form in zip(("Q8_0", "BF16"), forms, strict=True):
        assert form["layers.1.feed_forward.gate_up.weight"] == given
        assert form["layers.1.mixers.1.in_proj.weight"] == given
        assert form["layers.0.feed_forward.down.weight"] == "Q4_1"


def test_a_folder_says_in_which_form_its_changes_are_held(learnt):
    made = open_checkpoint(learnt(fields={"form": "q8"}))
    assert made.stored["layers.0.mixers.0.qkv.weight"] == "Q8_0"
    assert made.stored["layers.0.mixers.0.out.weight"] == "F32"
    assert open_checkpoint(learnt()).stored["layers.0.mixers.0.qkv.weight"] == "F32"


def test_changes_of_other_weights_are_refused(learnt):
    assert "wasn't learnt on top of llama" in refusal(learnt(header="0" * 64))


def test_a_base_that_is_not_there_is_named(learnt):
    with pytest.raises(ModelError, match="nobodys") as caught:
        open_checkpoint(learnt(fields={"base": "nobodys"}))
    assert caught.value.code == "weights_missing"


def refusal(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        open_checkpoint(folder)
    assert caught.value.code == "checkpoint_invalid"
    return caught.value.message
