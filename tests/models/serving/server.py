"""The real model server as its own process."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.models.serving.ports import free_port
from tests.support.weights import CHAT, EMBEDDER, models_dir, weights

TOKEN = "a-service-token-for-tests"


Json = dict[str, Any]


@dataclass(frozen=True)
class ModelServer:
    url: str
    token: str
    seconds_to_healthy: float
    first_answer: int
    process: subprocess.Popen[bytes]
    log: Path


def start_server(directory: Path, models: Path, chat: str | None = CHAT) -> ModelServer:
    """Start it and return as soon as it answers at all; `await_healthy` waits for the models. `chat` None: what
    a server answers with that is told nothing."""
    token_file, log, port = directory / "token", directory / "log", free_port()
    token_file.write_text(TOKEN + "\n")
    arguments = ["--port", str(port), "--token-file", str(token_file), "--models-dir", str(models)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "secretariat.models.serving",
                *arguments,
                "--contexts",
                "1",
                *(() if chat is None else ("--chat", chat)),
            ],
            stdout=output,
            stderr=output,
            env={key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ},
        )
    url, began = f"http://127.0.0.1:{port}", time.monotonic()
    first = _status(url, process, log)
    while first == 0:
        assert time.monotonic() - began < 120, log.read_text()
        time.sleep(0.05)
        first = _status(url, process, log)
    return ModelServer(url, TOKEN, time.monotonic() - began, first, process, log)


def _status(url: str, process: subprocess.Popen[bytes], log: Path) -> int:
    assert process.poll() is None, log.read_text()
    try:
        return httpx.get(f"{url}/healthz", trust_env=False).status_code
    except httpx.TransportError:
        return 0


def await_healthy(server: ModelServer) -> None:
    until = time.monotonic() + 120
    while _status(server.url, server.process, server.log) != 200:
        assert time.monotonic() < until, server.log.read_text()
        time.sleep(0.05)


def await_failure(server: ModelServer) -> dict[str, str]:
    """What /healthz says once it no longer says that it loads."""
    until = time.monotonic() + 60
    while True:
        body: dict[str, str] = httpx.get(f"{server.url}/healthz", trust_env=False).json()
        if body["status"] != "loading":
            return body
        assert time.monotonic() < until, server.log.read_text()
        time.sleep(0.05)


def stop_server(server: ModelServer) -> int:
    server.process.send_signal(signal.SIGTERM)
    return server.process.wait(timeout=20)


@contextlib.contextmanager
def serve_models(directory: Path) -> Iterator[ModelServer]:
    """With the real weights; skips the test where they haven't been pulled."""
    for name in (CHAT, EMBEDDER):
        weights(name)
    server = start_server(directory, models_dir())
    try:
        await_healthy(server)
        yield server
    finally:
        stop_server(server)


def ask(http: httpx.Client, question: str, **fields: object) -> Json:
    body = {"messages": [{"role": "user", "content": question}], "max_tokens": 60, "temperature": 0}
    response = http.post("/v1/chat/completions", json=body | fields)
    assert response.status_code == 200, response.text
    reply: Json = response.json()
    return reply
