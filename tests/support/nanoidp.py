"""A third-party identity provider (nanoidp) as its own process on loopback."""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

_PATIENCE_SECONDS = 40


@dataclass(frozen=True)
class NanoIdp:
    issuer: str
    client_id: str = "secretariat"
    client_secret: str = "nano-client-secret"
    username: str = "grace"
    password: str = "grace-password"
    email: str = "grace@example.com"


@contextmanager
def running_nanoidp(redirect_uri: str) -> Iterator[NanoIdp]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    idp = NanoIdp(f"http://127.0.0.1:{port}")
    with tempfile.TemporaryDirectory(prefix="secretariat-nanoidp-") as directory:
        _configure(Path(directory), idp, port, redirect_uri)
        command = [str(Path(sys.executable).with_name("nanoidp")), "--config", directory]
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=directory,
        )
        try:
            _wait_for(idp.issuer, process)
            yield idp
        finally:
            process.terminate()
            process.wait(10)


def _configure(directory: Path, idp: NanoIdp, port: int, redirect_uri: str) -> None:
    client = {
        "client_id": idp.client_id,
        "client_secret": idp.client_secret,
        "description": "Secretariat",
        "redirect_uris": [redirect_uri],
    }
    settings = {
        "config_version": 1,
        "server": {"host": "127.0.0.1", "port": port},
        "oauth": {
            "issuer": idp.issuer,
            "audience": idp.client_id,
            "token_expiry_minutes": 5,
            "clients": [client],
        },
    }
    person = {"password": idp.password, "email": idp.email, "roles": ["USER"], "tenant": "default"}
    users = {"config_version": 1, "users": {idp.username: person}}
    (directory / "settings.yaml").write_text(yaml.safe_dump(settings))
    (directory / "users.yaml").write_text(yaml.safe_dump(users))


def _wait_for(issuer: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{issuer}/.well-known/openid-configuration", timeout=2).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise RuntimeError("nanoidp did not start")
