"""`models remove` takes away what `add` put there, and nothing that is in use or lies elsewhere."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from secretariat.models.installed import added
from secretariat.models.serving.__main__ import TOKEN_VARIABLE, parse, shelf_of

HOLD = """
import sys, pathlib
from secretariat.models.holding import hold
hold(pathlib.Path(sys.argv[1]))
print(flush=True)
input()
"""


@pytest.fixture
def home(tmp_path, granite, run):
    run("add", str(granite))
    return tmp_path / "models"


@pytest.fixture
def holder(home) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the model's directory, as a server does."""
    command = [sys.executable, "-c", HOLD, str(home / "tiny-granite")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_what_was_added_is_freed_and_can_be_added_again(home, granite, run):
    size = sum(path.stat().st_size for path in (home / "tiny-granite").iterdir())
    code, gone = run("remove", "tiny-granite")
    assert (code, gone["bytes"], gone["left"]) == (0, size, [])
    assert list(home.iterdir()) == []
    assert added(home) == {}
    assert granite.is_dir()
    assert run("add", str(granite))[0] == 0


def test_what_a_server_lists_stays_until_it_ends(home, run, refused, holder):
    code, message = refused("remove", "tiny-granite")
    assert code == "invalid_request"
    assert "server that runs has it on its list" in message
    assert (home / "tiny-granite" / "model.safetensors").is_file()
    holder.kill()
    holder.wait()
    assert run("remove", "tiny-granite")[0] == 0


@pytest.mark.parametrize("name", ["smollm2-135m-instruct", "all-minilm-l6-v2"])
def test_what_servers_start_with_stays(tmp_path, refused, name):
    kept = tmp_path / "models" / name / "config.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    assert "starts with it" in refused("remove", name)[1]
    assert kept.is_file()


@pytest.mark.parametrize("name", ["ghost", "..", ".", "../Tiny-Granite", "", "/etc"])
def test_what_is_no_model_is_not_touched(home, granite, refused, name):
    assert refused("remove", name)[0] == "model_not_found"
    assert granite.is_dir()
    assert (home / "tiny-granite").is_dir()


def test_files_that_came_otherwise_are_left_and_named(home, run):
    (home / "tiny-granite" / "notes.txt").write_text("mine")
    code, gone = run("remove", "tiny-granite")
    assert (code, gone["left"]) == (0, ["notes.txt"])
    assert [path.name for path in (home / "tiny-granite").iterdir()] == ["notes.txt"]
    assert added(home) == {}


def test_of_links_only_the_link_goes(home, tmp_path, run):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    weights = home / "tiny-granite" / "model.safetensors"
    shutil.move(weights, elsewhere / "model.safetensors")
    weights.symlink_to(elsewhere / "model.safetensors")
    code, gone = run("remove", "tiny-granite")
    assert (code, gone["left"]) == (0, [])
    assert (elsewhere / "model.safetensors").is_file()
    assert gone["bytes"] < (elsewhere / "model.safetensors").stat().st_size


def test_a_model_that_is_a_link_is_not_followed(home, tmp_path, run):
    elsewhere = tmp_path / "elsewhere"
    (home / "tiny-granite").rename(elsewhere)
    (home / "tiny-granite").symlink_to(elsewhere)
    before = sorted(path.name for path in elsewhere.iterdir())
    assert run("remove", "tiny-granite")[0] == 0
    assert not os.path.lexists(home / "tiny-granite")
    assert sorted(path.name for path in elsewhere.iterdir()) == before


def test_a_folder_that_leads_elsewhere_is_not_followed(home, tmp_path, run):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "config.json").write_text("not ours")
    record = home / "tiny-granite" / "model.json"
    record.write_text(record.read_text().replace('"config.json"', '"sub/config.json"'))
    (home / "tiny-granite" / "sub").symlink_to(elsewhere)
    _, gone = run("remove", "tiny-granite")
    assert (elsewhere / "config.json").read_text() == "not ours"
    assert gone["left"] == ["config.json", "sub"]


def test_one_that_was_cut_short_is_taken_up_again(home, run):
    (home / "tiny-granite" / "model.safetensors").unlink()
    assert run("remove", "tiny-granite")[0] == 0
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("given", [[], ["--model", "mine={}/tiny-granite"]], ids=["all", "named"])
def test_a_model_server_holds_what_it_lists(home, refused, monkeypatch, given):
    monkeypatch.setenv(TOKEN_VARIABLE, "a-service-token-for-tests")
    shelf_of(parse(["--port", "1", "--models-dir", str(home), *(part.format(home) for part in given)]))
    assert "has it on its list" in refused("remove", "tiny-granite")[1]


def test_a_model_that_a_server_does_not_list_can_go(home, run, monkeypatch, tmp_path):
    (tmp_path / "other").mkdir()
    monkeypatch.setenv(TOKEN_VARIABLE, "a-service-token-for-tests")
    shelf_of(parse(["--port", "1", "--models-dir", str(home), "--model", f"other={tmp_path / 'other'}"]))
    assert run("remove", "tiny-granite")[0] == 0
