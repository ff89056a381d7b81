"""What is looked at before anything starts: the disk, the port, the secrets."""

import fcntl
import os
import secrets
import shutil
import socket
from pathlib import Path

from secretariat.platform.embedded.errors import StackError

_LEAST_FREE_BYTES = 500_000_000
_HELD = "in-use"


def check_disk(home: Path) -> None:
    """Raises StackError when the data directory can't be written or has no room."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = home / f".write-test-{os.getpid()}"
        probe.write_bytes(b"x" * 4096)
        probe.unlink()
    except OSError as error:
        raise StackError(
            f"The data directory {home} can't be written ({error.strerror}). "
            "Mend its permissions or its disk, or set SECRETARIAT_HOME to another directory."
        ) from error
    free = shutil.disk_usage(home).free
    if free < _LEAST_FREE_BYTES:
        raise StackError(
            f"Only {free // 1_000_000} MB are free for {home}; Secretariat needs at least "
            f"{_LEAST_FREE_BYTES // 1_000_000} MB. Free some space or set SECRETARIAT_HOME to another disk."
        )


def hold(home: Path) -> int:
    """The data directory for this process alone, until the handle is closed or the process ends, however that
    happens: who came second would stop the database under the first. Raises StackError when another has it."""
    handle = os.open(home / _HELD, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise StackError(
            f"The data directory {home} is in use by a Secretariat that is up. "
            "Stop that one first, or set SECRETARIAT_HOME to another directory."
        ) from error
    return handle


def check_port(host: str, port: int) -> None:
    """Raises StackError when another program listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StackError(
                f"Port {port} on {host} is not available ({error.strerror}). "
                "Stop what uses it, or set SECRETARIAT_PORT to another port."
            ) from error


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def ensure_secret(path: Path, size: int = 32) -> None:
    """A random secret in hex, readable by its owner alone; an existing one is left as it is."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(size) + "\n")
