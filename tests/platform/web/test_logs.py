"""Logs say what happened and keep quiet about what was said."""

import json
from typing import Any

import structlog

from secretariat.platform.telemetry.logs import WITHHELD, configure_logs


def lines(capfd) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]


def test_secrets_and_content_are_withheld_by_name(capfd):
    configure_logs()
    structlog.get_logger("x").info(
        "event", password="a", client_secret="b", Authorization="c", prompt="d", text="e", path="/kept"
    )
    (line,) = lines(capfd)
    values = {line[name] for name in ("password", "client_secret", "Authorization", "prompt", "text")}
    assert values == {WITHHELD}
    assert line["path"] == "/kept"


def test_an_exceptions_words_stay_out_and_its_place_stays_in(capfd):
    configure_logs()
    try:
        try:
            int("the patient's name is Smith")
        except ValueError as cause:
            raise RuntimeError("Smith again") from cause
    except RuntimeError:
        structlog.get_logger("x").exception("it failed")
    (line,) = lines(capfd)
    assert "Smith" not in json.dumps(line)
    assert [each["type"] for each in line["exception"]] == ["builtins.RuntimeError", "builtins.ValueError"]
    assert "test_logs.py" in line["exception"][0]["frames"][-1]


async def test_each_request_is_one_line_with_its_id(anonymous, capfd):
    answer = await anonymous.get("/livez", params={"token": "in-the-query"})
    (line,) = [each for each in lines(capfd) if each["event"] == "request"]
    assert line["request_id"] == answer.headers["x-request-id"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/livez", 200)
    assert "in-the-query" not in json.dumps(line)
