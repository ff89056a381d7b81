"""One supervised process: its command, its log, its end with the supervisor's."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 15
_TAIL_LINES = 15


def _die_with_parent() -> None:
    """Runs in the child before exec: a supervisor that is killed takes its children along (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(slots=True)
class Child:
    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    withheld: frozenset[str] = frozenset()
    restarts: int = 0
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._whole_environment(),
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops its children in order
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - the supervisor starts children from its main thread
            )
        self.started_at = time.monotonic()

    def _whole_environment(self) -> dict[str, str]:
        """Ours and what was added to it, without what this child has no business with."""
        whole = {**os.environ, **self.environment}
        return {name: value for name, value in whole.items() if name not in self.withheld}

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    def stop(self) -> None:
        """SIGTERM to the whole group, SIGKILL after 15 s."""
        if self.process is None or self.process.poll() is not None:
            return
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self.process.wait()

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return

    def last_words(self) -> str:
        """The end of its log, for the operator."""
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
