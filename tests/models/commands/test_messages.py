"""What is said to somebody who adds or plans what can't be: what lacks, and what to do."""

import json
import shutil

import pytest
from safetensors.numpy import load_file, save_file


def split(directory, *, index: bool = True) -> None:
    """The weights in two files with an index, as large checkpoints come."""
    tensors = load_file(directory / "model.safetensors")
    names = sorted(tensors)
    halves = {f"model-0000{number}-of-00002.safetensors": names[number - 1 :: 2] for number in (1, 2)}
    for name, chosen in halves.items():
        save_file({key: tensors[key] for key in chosen}, directory / name)
    (directory / "model.safetensors").unlink()
    if index:
        placed = {key: name for name, chosen in halves.items() for key in chosen}
        (directory / "model.safetensors.index.json").write_text(json.dumps({"weight_map": placed}))


def test_a_lone_safetensors_file_lacks_the_rest(tmp_path, granite, refused):
    (tmp_path / "alone").mkdir()
    lone = shutil.copy(granite / "model.safetensors", tmp_path / "alone" / "some.safetensors")
    code, message = refused("add", str(lone))
    assert code == "weights_missing"
    assert "config.json and tokenizer.json are missing beside it" in message
    shutil.copy(granite / "config.json", tmp_path / "alone")
    assert "tokenizer.json is missing beside it" in refused("add", str(lone))[1]
    shutil.copy(granite / "tokenizer.json", tmp_path / "alone")
    assert (
        f"add the directory, which has the rest of the model: {lone.parent}" in refused("add", str(lone))[1]
    )


def test_parts_are_taken_with_their_index(granite, run):
    split(granite)
    code, made = run("add", str(granite))
    assert code == 0, made


@pytest.mark.parametrize(
    ("lacks", "says"),
    [
        ("model.safetensors.index.json", "model.safetensors.index.json is missing"),
        ("model-00001-of-00002.safetensors", "model-00001-of-00002.safetensors is missing"),
        ("model-00002-of-00002.safetensors", "model-00002-of-00002.safetensors is missing"),
    ],
)
def test_a_part_that_lacks_is_named(tmp_path, granite, refused, lacks, says):
    split(granite)
    (granite / lacks).unlink()
    code, message = refused("add", str(granite))
    assert code == "weights_missing"
    assert message.startswith("the weights are in 2 files with an index, and ")
    assert says in message
    assert str(tmp_path / "models") not in message


def test_parts_without_an_index_are_not_planned_either(granite, refused):
    split(granite, index=False)
    assert "but no model.safetensors.index.json" in refused("plan", str(granite))[1]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (
            ["config.json", "tokenizer.json", "pytorch_model.bin"],
            "pytorch_model.bin is of a kind that can hold code",
        ),
        (["config.json", "tokenizer.json", "weights.safetensors"], "there is weights.safetensors"),
        (["tokenizer.json", "model.safetensors"], "config.json is missing beside it"),
        (["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"], "join the parts"),
        (["a.gguf", "b.gguf"], "choose one of a.gguf, b.gguf"),
        (["notes.txt"], "neither a .gguf file nor config.json"),
        ([], "neither a .gguf file nor config.json"),
    ],
)
def test_a_directory_that_is_no_checkpoint_says_why(tmp_path, refused, files, says):
    (tmp_path / "given").mkdir()
    for name in files:
        (tmp_path / "given" / name).write_bytes(b"{}")
    assert says in refused("add", str(tmp_path / "given"))[1]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("model.pt", "can hold code"),
        ("picture.png", "is no model"),
        ("m-00001-of-00002.gguf", "join the parts"),
    ],
)
def test_a_file_that_is_no_checkpoint_says_why(tmp_path, refused, name, says):
    (tmp_path / name).write_bytes(b"GGUF")
    assert says in refused("add", str(tmp_path / name))[1]


@pytest.mark.parametrize("typo", ["./typo", "../typo", "/no/such/typo", "~/typo"])
def test_a_path_that_leads_nowhere_is_asked_of_no_hub(refused, typo):
    for command in ("add", "plan"):
        code, message = refused(command, typo)
        assert code == "model_not_found"
        assert repr(typo) in message
        assert "file or directory" in message


@pytest.mark.parametrize("typo", ["typo.gguf", "config.jsn/config.json", "somebody/some-model"])
def test_a_path_is_not_taken_for_a_name(refused, typo):
    code, message = refused("plan", typo)
    assert code == "model_not_found"
    assert f"there is no file or directory {typo!r}" in message
    assert "models add" in message


def test_a_name_that_is_unknown_is_answered_with_those_that_are(granite, run, refused):
    run("add", str(granite))
    code, message = refused("plan", "tiny-granit")
    assert code == "model_not_found"
    assert "no model 'tiny-granit'" in message
    assert "tiny-granite" in message.removeprefix("no model 'tiny-granit'")


def test_a_file_that_cannot_be_planned_says_what_can(granite, refused):
    assert (
        "name a .gguf file, a config.json, or a directory" in refused("plan", str(granite / "picture.png"))[1]
    )


def test_a_compiler_that_fails_is_said_with_a_way_out(tmp_path, granite, refused, monkeypatch):
    compiler = tmp_path / "bin" / "c++"
    compiler.parent.mkdir()
    compiler.write_text("#!/bin/sh\necho 'In file:' >&2\necho 'x.cpp:1:2: error: no such type' >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", str(compiler.parent))
    monkeypatch.setenv("SECRETARIAT_HOME", str(tmp_path))
    monkeypatch.delenv("SECRETARIAT_ISA")
    code, message = refused("add", str(granite))
    assert code == "engine_failed"
    assert "x.cpp:1:2: error: no such type. " in message
    assert "--backend torch" in message
    assert "SECRETARIAT_ISA=none" in message
    assert "\n" not in message
    assert list((tmp_path / "models").iterdir()) == []
