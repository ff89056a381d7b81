"""What the commands about models show on a console: the very words, whatever brackets are in them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from secretariat.models.installed import default_chat
from secretariat.platform.cli.main import app


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SECRETARIAT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "400")
    return tmp_path / "home"


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["models", *arguments])


def a_model(home: Path, name: str, licence: str) -> Path:
    """A model's record and one file, as `add` leaves them."""
    directory = home / "models" / name
    directory.mkdir(parents=True)
    (directory / "weights").write_bytes(b"1234")
    record = {
        "name": name, "architecture": "llama", "licence": licence, "context_length": 64, "origins": [],
        "files": [{"path": "weights", "sha256": "0" * 64, "bytes": 4}],
    }  # fmt: skip
    (directory / "model.json").write_text(json.dumps(record))
    return directory


@pytest.mark.parametrize("which", ["plan", "remove"])
def test_brackets_in_a_message_are_shown(home: Path, which: str) -> None:
    given = "[red]x[/red] [4, 3] [/] [link=https://a.test]x[/link] [bold]"
    told = command(which, given)
    assert told.exit_code == 2
    assert repr(given) in told.stderr


def test_brackets_in_names_are_shown_in_a_list(home: Path) -> None:
    a_model(home, "mine", "[red]ours[/red] [/]")
    told = command("list")
    assert told.exit_code == 0, told.output
    assert "[red]ours[/red] [/]" in told.stdout


def test_a_name_with_brackets_that_cannot_be_pulled_is_shown(home: Path) -> None:
    told = command("pull", "[bold]x")
    assert told.exit_code == 2
    assert "no model '[bold]x'" in told.stderr
    assert told.stderr.startswith("[bold]x:")


def test_removing_says_what_went_and_what_stays(home: Path) -> None:
    directory = a_model(home, "mine", "MIT")
    (directory / "[b]notes").write_text("")
    told = command("remove", "mine")
    assert told.exit_code == 0, told.output
    assert "removed mine: 2 files" in told.stdout
    assert f"left     [b]notes, which did not come with it, in {directory}" in told.stdout
    refused = command("remove", default_chat())
    assert refused.exit_code == 2
    assert f"{default_chat()} stays" in refused.stderr


def test_as_json_a_refusal_is_an_object(home: Path) -> None:
    told = command("remove", "ghost", "--json")
    assert told.exit_code == 2
    assert json.loads(told.stdout)["error"]["code"] == "model_not_found"
