"""The first administrator's link, asked for where nothing runs: the reason, and exit code 2."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from secretariat.platform.cli.main import app


@pytest.mark.parametrize(
    ("redis", "reason"), [(None, "REDIS_URL is not set"), ("redis://127.0.0.1:1", "secret")]
)
def test_what_is_missing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis: str | None, reason: str
) -> None:
    monkeypatch.setenv("SECRETARIAT_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "400")
    for name in ("DATABASE_URL", "REDIS_URL", "MODEL_URL"):
        monkeypatch.delenv(name, raising=False)
    if redis is not None:
        monkeypatch.setenv("REDIS_URL", redis)
    told = CliRunner().invoke(app, ["sign-in-link"])
    assert told.exit_code == 2
    assert reason in told.output
