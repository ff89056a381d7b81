"""The service's side of its zygote: started with the first document, replaced when it dies, one a process.

Owns the zygote's life and the descriptors that go to it. Knows nothing of answers.
"""

import asyncio
import atexit
import fcntl
import os
import socket
import subprocess
import sys
import threading
from array import array
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict

import orjson

from secretariat.retrieval.errors import RetrievalError
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.zygote_wire import STARTED, STATUS

_START_S = 90.0  # on a machine that is busy with something else
_ANSWER_S = 3.0  # a fork takes milliseconds: a zygote that was heard before and isn't now hangs
_END_S = 3.0
_PIPE = 1024 * 1024  # holds most answers whole: the child writes them and is gone
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    # Threads don't survive a fork; libraries that would start them are told not to.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # A child lives for one document: it takes memory in large pieces and gives none back before its end.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_TOP_PAD_": str(8 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1024 * 1024),
    "MALLOC_MMAP_THRESHOLD_": str(64 * 1024 * 1024),
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
        self._heard: socket.socket | None = None

    async def bear(self, document: int, errand: Sequence[str | float], limits: ParseLimits) -> Birth:
        """A child for the open file `document`, and what to do with it. Raises ParsingUnavailableError."""
        request = orjson.dumps([errand, asdict(limits)])
        for _ in range(2):
            control = self._running()
            if control is None:
                control = await asyncio.to_thread(self._started)
            patience = _ANSWER_S if control is self._heard else _START_S
            with suppress(OSError, TimeoutError):
                birth = await _ask(control, request, document, patience)
                self._heard = control
                return birth
            await asyncio.to_thread(self._discard, control, hangs=True)
        raise ParsingUnavailableError("No process to read documents in could be started.")

    @property
    def process_id(self) -> int | None:
        """The zygote's, while there is one."""
        return self._process.pid if self._process is not None else None

    def close(self) -> None:
        if self._control is not None:
            self._discard(self._control)

    def _running(self) -> socket.socket | None:
        """Without waiting; whether somebody hears at the other end is seen when it is spoken to."""
        return self._control if self._owner == os.getpid() else None

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

    def _discard(self, control: socket.socket, *, hangs: bool = False) -> None:
        with self._lock:
            if control is not self._control or self._process is None:
                return
            control.close()
            try:
                self._process.wait(0 if hangs else _END_S)  # it ends its children first
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process, self._control = None, None


async def _ask(control: socket.socket, request: bytes, document: int, patience: float) -> Birth:
    line, far_line = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    answer, far_answer = os.pipe()
    with suppress(OSError):  # one user may not have many large pipes
        fcntl.fcntl(answer, fcntl.F_SETPIPE_SZ, _PIPE)
    line.settimeout(0)
    try:
        async with asyncio.timeout(patience):
            await _send(control, request, [document, far_answer, far_line.fileno()])
            far_line.close()
            await _hear(line)
    except BaseException:
        line.close()
        os.close(answer)
        raise
    finally:
        far_line.close()
        os.close(far_answer)
    return Birth(answer, line)


async def _hear(line: socket.socket) -> None:
    if await asyncio.get_running_loop().sock_recv(line, 64) != STARTED:
        raise ConnectionError


async def _send(control: socket.socket, request: bytes, descriptors: Sequence[int]) -> None:
    """Without blocking the event loop where a zygote that hangs has left the line full."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))]
    while True:
        with suppress(BlockingIOError):
            control.sendmsg([request], rights, socket.MSG_DONTWAIT)
            return
        await asyncio.sleep(0.01)


NURSERY = Nursery((sys.executable, "-I", "-m", "secretariat.retrieval.parse.zygote"))
atexit.register(NURSERY.close)
