"""`models add`, `check` and `plan` as the process behind the command line runs them."""

import json
import shutil

import pytest

from secretariat.models.installed import added, find
from secretariat.models.pull import locate, pull


def test_a_directory_is_taken_in_and_holds(tmp_path, granite, run):
    code, made = run("add", str(granite))
    assert (code, made["name"], made["architecture"]) == (0, "tiny-granite", "granitemoehybrid")
    assert (made["licence"], made["context_length"]) == ("apache-2.0", 64)
    target = locate("tiny-granite", tmp_path / "models")
    assert not (target / "picture.png").exists()
    assert set(added(tmp_path / "models")) == {"tiny-granite"}
    shutil.rmtree(granite)  # ours is a copy

    code, found = run("check", "tiny-granite")
    assert (code, found["holds"], found["problems"]) == (0, True, [])
    assert found["verdict"]["equal"]
    assert found["arithmetic"]["backend"] == "torch"


def test_a_changed_weight_is_found_by_hash_and_by_logits(tmp_path, granite, run):
    run("add", str(granite))
    path = tmp_path / "models" / "tiny-granite" / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-3] ^= 0x40
    path.write_bytes(data)
    code, found = run("check", "tiny-granite")
    assert (code, found["holds"]) == (1, False)
    assert "has SHA-256" in found["problems"][0]
    assert found["verdict"]["reason"] == "the weights are not those that the record was made of"


def test_a_computation_that_changed_is_found(tmp_path, granite, run):
    run("add", str(granite))
    path = tmp_path / "models" / "tiny-granite" / "golden.json"
    record = json.loads(path.read_text())
    record["top"][1][1] *= 1.01
    path.write_text(json.dumps(record))
    code, found = run("check", "tiny-granite")
    assert (code, found["verdict"]["compared"]) == (1, "values")
    assert "more than the arithmetic explains" in found["verdict"]["reason"]


@pytest.mark.parametrize(
    ("spoil", "code", "says"),
    [
        (lambda d: (d / "tokenizer.json").unlink(), "weights_missing", "tokenizer.json"),
        (
            lambda d: (d / "model.safetensors").unlink(),
            "weights_missing",
            "neither a .gguf file nor config.json",
        ),
        (lambda d: (d / "config.json").write_text("{"), "checkpoint_invalid", "config.json"),
        (lambda d: (d / "config.json").write_text('{"model_type": "gpt2"}'), "checkpoint_invalid", "gpt2"),
    ],
)
def test_what_is_not_understood_leaves_nothing_behind(tmp_path, granite, run, spoil, code, says):
    spoil(granite)
    status, told = run("add", str(granite))
    assert (status, told["error"]["code"]) == (2, code)
    assert says in told["error"]["message"]
    assert list((tmp_path / "models").iterdir()) == []


def test_names_are_checked_and_never_taken_twice(granite, run):
    assert run("add", str(granite), "--name", "mine", "--licence", "MIT")[1]["licence"] == "MIT"
    for name, says in (("mine", "already"), ("smollm2-135m-instruct", "already"), ("../up", "can't be")):
        status, told = run("add", str(granite), "--name", name)
        assert (status, told["error"]["code"]) == (2, "invalid_request")
        assert says in told["error"]["message"]


def test_what_is_nowhere_is_said(tmp_path, run):
    assert "neither a file or directory" in run("add", "no such thing")[1]["error"]["message"]
    assert "no model 'ghost'" in run("check", "ghost")[1]["error"]["message"]
    assert "no model 'ghost'" in run("plan", "ghost")[1]["error"]["message"]


def test_an_added_model_cannot_be_pulled_again(tmp_path, granite, run):
    run("add", str(granite))
    (tmp_path / "models" / "tiny-granite" / "model.safetensors").unlink()
    with pytest.raises(Exception, match="add it again"):
        pull("tiny-granite", tmp_path / "models")
    with pytest.raises(Exception, match="absent or incomplete"):
        locate("tiny-granite", tmp_path / "models")
    assert find("tiny-granite", tmp_path / "models").architecture == "granitemoehybrid"


def test_a_configuration_alone_can_be_planned(tmp_path, granite, run):
    (tmp_path / "alone").mkdir()
    shutil.copy(granite / "config.json", tmp_path / "alone")
    for path in (tmp_path / "alone", tmp_path / "alone" / "config.json"):
        code, made = run(
            "plan", str(path), "--context", "1K", "--batch", "2", "--device", "1GB", "--kv", "bfloat16"
        )
        assert code == 0
        assert (
            made["kv"] == 2 * 1024 * 2 * 2 * 8 * 2
        )  # sequences, tokens, keys and values, heads, width, bytes
        assert all(form["fits"] for form in made["forms"])
        assert made["process"] == 0
    code, made = run("plan", str(granite))
    assert [form["form"] for form in made["forms"]][-1] == "as stored"
    assert made["process"] > 0
    assert run("plan", str(granite), "--batch", "0")[0] == 2
