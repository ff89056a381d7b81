"""The training process as its worker holds it: started, asked to stop, waited for. Knows no job."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_GOES_ALONG = (
    "PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "XDG_CACHE_HOME",
    "SECRETARIAT_HOME", "SECRETARIAT_ISA",  # where compiled operations lie, and which
)  # fmt: skip
_STOP_SECONDS = 30.0
_LOG = "log"


@dataclass(slots=True)
class TrainingChild:
    """`await start(folder)`; always `stop()` in the end."""

    process: asyncio.subprocess.Process

    @classmethod
    async def start(cls, folder: Path, threads: int) -> "TrainingChild":
        """None of the worker's addresses and secrets go along."""
        environment = {name: os.environ[name] for name in _GOES_ALONG if name in os.environ}
        environment |= {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
        with (folder / _LOG).open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "secretariat.platform.training.leash", str(folder), str(os.getpid())),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        return cls(process)

    @property
    def code(self) -> int | None:
        """How it ended; negative: by which signal. None while it runs."""
        return self.process.returncode

    async def ended(self, seconds: float) -> bool:
        """Whether it ends within so long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), seconds)
        return self.code is not None

    async def stop(self) -> None:
        """It keeps its state first; killed if that takes longer than half a minute."""
        if self.code is not None:
            return
        self._signal(signal.SIGTERM)
        if not await self.ended(_STOP_SECONDS):
            self._signal(signal.SIGKILL)
            await self.process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
