"""Stopping is heard at every moment, and each part gets only the keys that it needs."""

import sys
from pathlib import Path

import pytest

from secretariat.platform.embedded.checks import free_port
from secretariat.platform.embedded.errors import StackError
from secretariat.platform.settings import Settings
from secretariat.platform.supervisor import Stack


def test_a_stack_that_is_told_to_stop_while_it_starts_does_not_wait(tmp_path: Path) -> None:
    stack = Stack(Settings(home=tmp_path), lambda _line: None, stopping=True)
    with pytest.raises(StackError, match="Stopped"):
        stack._await("the service", "http://127.0.0.1:9/readyz")


def test_a_second_stack_leaves_the_first_ones_data_alone(tmp_path: Path) -> None:
    """It would stop the database under it."""
    settings = Settings(home=tmp_path, port=free_port())
    first = Stack(settings, lambda _line: None)
    first._prepare()
    with pytest.raises(StackError, match="in use by a Secretariat that is up"):
        Stack(settings, lambda _line: None).start()
    first.stop()
    later = Stack(settings, lambda _line: None)
    later._prepare()
    later.stop()


def test_the_model_server_gets_no_way_into_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_DISPATCHER_URL", "REDIS_URL")
    for key in keys:
        monkeypatch.setenv(key, f"secret of {key}")
    prints_its_environment = tmp_path / "python"
    prints_its_environment.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'import os; print(os.environ)'\n")
    prints_its_environment.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(prints_its_environment))
    stack = Stack(Settings(home=tmp_path), lambda _line: None)
    stack._launch_models()
    (child,) = stack.children
    assert child.process is not None
    child.process.wait(20)
    assert "MODEL_URL" in child.last_words()
    assert "secret of" not in child.last_words()


def test_a_model_server_without_weights_is_named_at_once(tmp_path: Path) -> None:
    stack = Stack(Settings(home=tmp_path), lambda _line: None)
    try:
        with pytest.raises(StackError, match="secretariat models pull"):
            stack.start_models()
    finally:
        stack.stop()
