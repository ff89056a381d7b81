"""Adding a model from a hub: the real client against a server on this machine."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.models.commands.downloads import download

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "somebody/Tiny-Granite"


@pytest.fixture
def hub(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Iterator[str]:
    """Serves one repository; its address."""
    directory = download(tmp_path_factory.mktemp("hub"), tmp_path / "repository")

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            path = directory / Path(self.path).name
            if self.path.startswith(f"/api/models/{REPOSITORY}"):
                names = sorted(file.name for file in directory.iterdir())
                entries = [{"rfilename": name} for name in names]
                data = json.dumps({"_id": "1", "id": REPOSITORY, "sha": COMMIT, "siblings": entries}).encode()
            elif self.path.startswith(f"/{REPOSITORY}/resolve/{COMMIT}/") and path.is_file():
                data = path.read_bytes()
            else:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if body:
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def added(endpoint: str, home: Path, repository: str) -> tuple[int, dict[str, object]]:
    """By a process of its own, as the command line runs it."""
    ours = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home / "cache"), "SECRETARIAT_ISA": "none"}
    command = [sys.executable, "-m", "secretariat.models.commands", "--models-dir", str(home / "models")]
    done = subprocess.run(
        [*command, "add", repository], capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, **ours},
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout)


def test_a_repository_is_taken_in_at_one_commit(hub, tmp_path):
    code, made = added(hub, tmp_path, REPOSITORY)
    assert (code, made.get("name")) == (0, "tiny-granite"), made
    directory = tmp_path / "models" / "tiny-granite"
    record = json.loads((directory / "model.json").read_text())
    assert record["origins"] == [{"repository": REPOSITORY, "revision": COMMIT}]
    assert not (directory / "picture.png").exists()
    assert {file["path"] for file in record["files"]} >= {
        "model.safetensors",
        "tokenizer.json",
        "config.json",
    }


def test_an_unknown_repository_is_said_and_leaves_nothing(hub, tmp_path):
    code, told = added(hub, tmp_path, "nobody/nothing")
    assert code == 2
    assert "nobody/nothing" in str(told["error"])
    assert list((tmp_path / "models").iterdir()) == []
