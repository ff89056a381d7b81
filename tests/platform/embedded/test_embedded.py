"""The parts that are brought along are for this installation alone, and dead ones count as dead."""

import os
import shutil
import signal
import stat
import sys
import tempfile
import time
from pathlib import Path

from secretariat.platform.embedded.child import Child
from secretariat.platform.embedded.postgres import EmbeddedPostgres
from tests.support.postgres import Postgres


def test_no_other_user_of_the_machine_reaches_the_database(postgres: Postgres) -> None:
    """It asks no password over its socket."""
    directory = Path(postgres.superuser_url.split("host=", 1)[1])
    (listening,) = directory.glob(".s.PGSQL.[0-9]*[0-9]")
    assert stat.S_IMODE(listening.stat().st_mode) == 0o700


def test_a_server_that_died_is_seen_to_have_died_and_starts_again() -> None:
    directory = Path(tempfile.mkdtemp(prefix="secretariat-pg-"))
    directory.chmod(0o755)  # as root, the server runs as another user
    server = EmbeddedPostgres(directory / "data")
    server.start()
    try:
        assert server.running()
        pid = int((directory / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while server.running() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not server.running()
        server.start()
        assert server.running()
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


def test_a_child_gets_no_keys_that_are_withheld_from_it(tmp_path: Path) -> None:
    script = "import os; print(os.environ.get('KEPT'), os.environ.get('OWNER'))"
    given = {"KEPT": "yes", "OWNER": "postgresql://owner:password@db/x"}
    child = Child("c", [sys.executable, "-c", script], tmp_path / "c.log", given, frozenset({"OWNER"}))
    child.start()
    assert child.process is not None
    child.process.wait(20)
    assert child.last_words() == "yes None"
