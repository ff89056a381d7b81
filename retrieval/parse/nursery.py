"""The service's side of its zygote: started with the first document, replaced when it dies, one a process.

Owns the zygote's life and the descriptors that go to it. Knows nothing of answers.
"""

import asyncio
import atexit
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict

import orjson

from secretariat.retrieval.errors import RetrievalError
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.zygote_wire import STARTED, STATUS

_START_S = 90.0  # on a machine that is busy with something else
_END_S = 3.0
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    # Threads don't survive a fork; libraries that would start them are told not to.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


class ParsingUnavailableError(RetrievalError):
    """Not the document's fault: no process to parse it in could be had. Trying again may help."""

    code = "parsing_unavailable"


class Birth:
    """A child that runs: the pipe with its answer and the line on which its end is told."""

    def __init__(self, answer: int, line: socket.socket) -> None:
        self.answer = answer
        self._line = line

    async def status(self) -> int:
        """How the child ended (negative: by that signal). Raises ConnectionError when nobody can tell."""
        message = await asyncio.get_running_loop().sock_recv(self._line, 64)
        if len(message) != STATUS.size:
            raise ConnectionError
        return int(STATUS.unpack(message)[0])

    def end(self) -> None:
        """Whoever is still there is killed by the zygote, with its group."""
        self._line.close()


class Nursery:
    """Thread-safe: every event loop of the process uses the same zygote."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._owner = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    async def bear(self, document: int, media_type: str, limits: ParseLimits) -> Birth:
        """A child for the open file `document`. Raises ParsingUnavailableError."""
        request = orjson.dumps([media_type, asdict(limits)])
        for _ in range(2):
            control = await asyncio.to_thread(self._started)
            with suppress(OSError, TimeoutError):
                return await _ask(control, request, document)
            await asyncio.to_thread(self._discard, control)
        raise ParsingUnavailableError("No process to read documents in could be started.")

    @property
    def process_id(self) -> int | None:
        """The zygote's, while there is one."""
        return self._process.pid if self._process is not None else None

    def close(self) -> None:
        if self._control is not None:
            self._discard(self._control)

    def _started(self) -> socket.socket:
        with self._lock:
            if (
                self._owner != os.getpid()
            ):  # a fork of the service has its parent's zygote, not one of its own
                self._process, self._control = None, None
            if self._control is None:
                ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                with theirs:
                    self._process = subprocess.Popen(
                        [*self._command, str(theirs.fileno())],
                        pass_fds=[theirs.fileno()],
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                        start_new_session=True,
                        env=_ENVIRONMENT,
                    )
                self._control, self._owner = ours, os.getpid()
            return self._control

    def _discard(self, control: socket.socket) -> None:
        with self._lock:
            if control is not self._control or self._process is None:
                return
            control.close()
            try:
                self._process.wait(_END_S)  # it ends its children first
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process, self._control = None, None


async def _ask(control: socket.socket, request: bytes, document: int) -> Birth:
    line, far_line = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    answer, far_answer = os.pipe()
    try:
        line.settimeout(0)
        socket.send_fds(control, [request], [document, far_answer, far_line.fileno()])
    except OSError:
        line.close()
        os.close(answer)
        raise
    finally:
        far_line.close()
        os.close(far_answer)
    try:
        await _hear(line)
    except BaseException:
        line.close()
        os.close(answer)
        raise
    return Birth(answer, line)


async def _hear(line: socket.socket) -> None:
    async with asyncio.timeout(_START_S):
        if await asyncio.get_running_loop().sock_recv(line, 64) != STARTED:
            raise ConnectionError


NURSERY = Nursery((sys.executable, "-I", "-m", "secretariat.retrieval.parse.zygote"))
atexit.register(NURSERY.close)
