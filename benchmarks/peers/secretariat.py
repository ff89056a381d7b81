"""Our own model server as a process, met over HTTP as a peer is."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from benchmarks.ours import MODELS, THREADS

_ROOT = Path(__file__).parents[2]


@contextmanager
def server(*, contexts: int = 2, arguments: tuple[str, ...] = ()) -> Iterator[httpx.Client]:
    """A client of a running server, with its token."""
    token = secrets.token_hex(16)
    with _process(token, contexts, arguments) as (port, _):
        address = f"http://127.0.0.1:{port}"
        _first_answer(address, token)
        with httpx.Client(base_url=address, headers=_bearer(token), timeout=300) as client:
            yield client


@dataclass(frozen=True, slots=True)
class Idle:
    rss_mb: float
    weights_mb: float
    first_token_s: float

    @property
    def above_weights_mb(self) -> float:
        return self.rss_mb - self.weights_mb

    def as_notes(self) -> dict[str, float]:
        return {
            "rss_mb": round(self.rss_mb),
            "weights_mb": round(self.weights_mb),
            "first_token_s": round(self.first_token_s, 2),
        }


def idle() -> Idle:
    """A server's memory once it has answered one short request, and the time from its start to that answer."""
    token = secrets.token_hex(16)
    began = time.perf_counter()
    with _process(token, 2, ()) as (port, child):
        _first_answer(f"http://127.0.0.1:{port}", token)
        first = time.perf_counter() - began
        time.sleep(1)
        rss = psutil.Process(child.pid).memory_info().rss / 1e6
    weights = (
        sum(p.stat().st_size for pattern in ("*.gguf", "*.safetensors") for p in MODELS.rglob(pattern)) / 1e6
    )
    return Idle(rss, weights, first)


@contextmanager
def _process(
    token: str, contexts: int, arguments: tuple[str, ...]
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "secretariat.models.serving", "--port", str(port), "--models-dir", str(MODELS),
        "--threads", str(THREADS), "--contexts", str(contexts), *arguments,
    ]  # fmt: skip
    environment = {**os.environ, "SECRETARIAT_MODEL_TOKEN": token, "OMP_WAIT_POLICY": "PASSIVE"}
    child = subprocess.Popen(
        command, cwd=_ROOT, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        yield port, child
    finally:
        child.terminate()
        child.wait(30)


def _first_answer(address: str, token: str) -> None:
    """Waits until the server answers, and for the first token it can give."""
    body = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1, "temperature": 0}
    for _ in range(3000):
        try:
            reply = httpx.post(
                f"{address}/v1/chat/completions", json=body, headers=_bearer(token), timeout=60
            )
            if reply.status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.02)
    sys.exit("the model server gave no answer within a minute")


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
