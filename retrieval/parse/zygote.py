"""The process that parsing children are forked from: every parser imported, nobody's document ever read.

A fresh interpreter with its parsers takes a second to start; a fork takes milliseconds. The zygote has one
thread, an empty environment and no secrets, since it is started anew and not forked from the service. It hands
each document's descriptors to a child, kills the child's group when whoever asked has gone, and says how the
child ended. It ends with the service.

Usage: python -I -m secretariat.retrieval.parse.zygote DESCRIPTOR
"""

import ctypes
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from secretariat.retrieval.parse import child, page_child
from secretariat.retrieval.parse.confine import cut_off
from secretariat.retrieval.parse.limits import DEFAULT_LIMITS, ParseLimits
from secretariat.retrieval.parse.zygote_wire import MOST_BYTES, STARTED, STATUS

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_MADV_COLLAPSE, _LARGE_PAGE = 25, 2 * 1024 * 1024  # Linux 6.1, linux/mman.h
_SMALLEST_HOLE = 32  # bytes
ERRANDS: Mapping[str, Any] = {"parse": child, "draw": page_child}
"""What a child can be sent for; each has its `main`, with its arguments and the limits."""

_WARMED = (
    30  # times; Python makes faster code of what has run a dozen times, and children have no time for that
)


class Zygote:
    """`control` brings requests: an errand and limits, with the document, the answer's pipe and a line
    on which the end is told."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._lines: dict[int, socket.socket] = {}  # by process id
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ, None)
        self._bell, ring = socket.socketpair()
        self._bell.settimeout(0)
        ring.settimeout(0)
        self._selector.register(self._bell, selectors.EVENT_READ, None)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(ring.fileno(), warn_on_full_buffer=False)
        self._ring = ring
        self._children = os.open(f"/proc/self/task/{os.getpid()}/children", os.O_RDONLY | os.O_CLOEXEC)
        # What a child leaves behind when it dies becomes ours, so that it can be ended too.
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._control:
                    if not self._take():
                        self._end_all()
                        return
                elif key.fileobj is self._bell:
                    with suppress(BlockingIOError):
                        self._bell.recv(4096)
                elif key.data in self._lines:
                    self._hung_up(key.data)
            self._bury()

    def _take(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self._control, MOST_BYTES, 3)
        if not message or len(descriptors) != 3:
            return False
        document, answer, line = descriptors
        errand, limits = orjson.loads(message)
        child_id = os.fork()
        if not child_id:
            _become_child(document, answer, errand, ParseLimits(**limits))
        os.close(document)
        os.close(answer)
        self._lines[child_id] = socket.socket(fileno=line)
        self._selector.register(line, selectors.EVENT_READ, child_id)
        with suppress(OSError):
            self._lines[child_id].send(STARTED)
        return True

    def _hung_up(self, child_id: int) -> None:
        """Nobody waits for this child any more. It isn't buried yet, so its number is its own."""
        self._selector.unregister(self._lines[child_id].fileno())
        _kill(child_id)

    def _end_all(self) -> None:
        """The service has gone: nobody outlives it."""
        for child_id in self._lines:
            _kill(child_id)
        while self._lines:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            self._bury()

    def _bury(self) -> None:
        while ended := _ended():
            _kill(ended.si_pid)  # the rest of its group, while the number can't be anybody else's
            _, status = os.waitpid(ended.si_pid, 0)
            line = self._lines.pop(ended.si_pid, None)
            if line is not None:
                with suppress(KeyError, ValueError):
                    self._selector.unregister(line.fileno())
                with suppress(OSError):
                    line.send(STATUS.pack(os.waitstatus_to_exitcode(status)))
                line.close()
            self._kill_strays()

    def _kill_strays(self) -> None:
        """Descendants that left their group are children of ours by now."""
        with suppress(OSError):
            listed = os.pread(self._children, MOST_BYTES, 0)
            for stray in set(map(int, listed.split())) - set(self._lines):
                _kill(stray, group=False)


def _ended() -> os.waitid_result | None:
    """A child that has ended and isn't waited for yet."""
    with suppress(ChildProcessError):
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return None


def _kill(process_id: int, *, group: bool = True) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if group:
            os.killpg(process_id, signal.SIGKILL)
        else:
            os.kill(process_id, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.kill(process_id, signal.SIGKILL)  # a child that hasn't got its group yet


def _become_child(document: int, answer: int, errand: Sequence[Any], limits: ParseLimits) -> None:
    """Never returns."""
    status = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(document, 0)
        os.dup2(answer, 1)
        os.closerange(3, 4096)
        name, *arguments = errand
        status = ERRANDS[name].main(*arguments, limits)
    finally:
        os._exit(status)


def prepare() -> None:
    """Everything that would take each child time again. What recognises letters stays out: it is large."""
    from PIL import Image

    from secretariat.retrieval.parse import pdf
    from secretariat.retrieval.parse.language import language_of
    from secretariat.retrieval.parse.specimen import SPECIMEN

    for name in {*child.PARSERS.values()}:
        importlib.import_module(f"secretariat.retrieval.parse.{name}")
    Image.preinit()
    for _ in range(_WARMED):
        found = pdf.extract(SPECIMEN, DEFAULT_LIMITS)
        language_of(found.text)
    gc.collect()
    _use_up()
    gc.freeze()  # forks share what no collection touches
    gc.set_threshold(50_000, 20, 20)
    _gather()


def _use_up() -> None:
    """Takes all memory that was given back and isn't the system's again: what a child takes is then new memory, in
    large pages, where it would have to copy this one page by page."""
    libc = ctypes.CDLL(None)
    libc.sbrk.restype = libc.malloc.restype = ctypes.c_void_p
    libc.malloc_trim(0)  # what isn't there needn't be mapped for each child
    end = libc.sbrk(0)
    size = _LARGE_PAGE
    while size >= _SMALLEST_HOLE:
        taken = libc.malloc(ctypes.c_size_t(size))
        if taken is None or taken >= end:
            libc.free(ctypes.c_void_p(taken))
            size //= 2
    libc.malloc_trim(0)


def _gather() -> None:
    """Memory in large pages, where the kernel can: a fork copies the table of pages, and has fewer to copy."""
    libc = ctypes.CDLL(None)
    for line in Path("/proc/self/maps").read_text(encoding="ascii").splitlines():
        span, rights, _, _, _, *name = line.split()
        start, end = (int(address, 16) for address in span.split("-"))
        start, end = -(-start // _LARGE_PAGE) * _LARGE_PAGE, end // _LARGE_PAGE * _LARGE_PAGE
        if rights == "rw-p" and name in ([], ["[heap]"]) and start < end:
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_COLLAPSE)


def main(descriptor: int) -> None:
    prepare()
    zygote = Zygote(socket.socket(fileno=descriptor))
    cut_off()
    zygote.serve()


if __name__ == "__main__":
    main(int(sys.argv[1]))
