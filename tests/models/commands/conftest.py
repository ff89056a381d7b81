"""The commands as the process behind the command line runs them, over a models directory of the test."""

import json
from pathlib import Path

import pytest

from secretariat.models.commands.__main__ import main
from tests.models.commands.downloads import download


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("made-elsewhere")


@pytest.fixture
def granite(folder, tmp_path):
    return download(folder, tmp_path / "Tiny-Granite")


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SECRETARIAT_ISA", "none")
    from secretariat.models.kernels.library import library

    library.cache_clear()

    def command(*arguments: str):
        capsys.readouterr()
        code = main(["--models-dir", str(tmp_path / "models"), *arguments])
        return code, json.loads(capsys.readouterr().out)

    yield command
    library.cache_clear()


@pytest.fixture
def refused(run):
    """What a command that can't be carried out says: code and message."""

    def command(*arguments: str):
        status, told = run(*arguments)
        assert status == 2, told
        return told["error"]["code"], told["error"]["message"]

    return command
