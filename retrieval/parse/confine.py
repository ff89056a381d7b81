"""What the parsing process takes from itself before it touches a document. Linux; knows no format.

Memory, processor time, written bytes and open files are capped by the kernel, the network, other processes and
other files are out of reach, and the process dies with its parent. What is the same for all is given up once, by
the zygote.
"""

import ctypes
import os
import resource
import signal
from contextlib import suppress
from pathlib import Path

from secretariat.retrieval.parse import file_access, system_calls
from secretariat.retrieval.parse.limits import ParseLimits

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000  # linux/sched.h
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38  # linux/prctl.h


EXIT_MEMORY = 3
MORE_TIME = b"\x06"
"""Written before the answer by a child that goes on to read images."""

_confined = False
_roomy = False


def confine(limits: ParseLimits) -> bool:
    """Whether the network is out of reach; everything else holds or raises OSError."""
    global _confined  # noqa: PLW0603 - it is the process that is confined
    _confined = True
    _cap(resource.RLIMIT_AS, limits.memory_bytes + limits.ocr_memory_bytes, soft=limits.memory_bytes)
    _cap(resource.RLIMIT_CPU, limits.cpu_s + limits.ocr_s, soft=limits.cpu_s)
    _cap(resource.RLIMIT_NOFILE, limits.open_files)
    _cap(resource.RLIMIT_FSIZE, 0)
    _cap(resource.RLIMIT_CORE, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    offline = system_calls.refuse(libc) or leave_network(libc)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # last: a change of rights clears it
    return offline


def cut_off() -> None:
    """What a zygote takes from itself and all that it forks, once: other files, the network, and its place among
    those who keep their memory to the last."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    libc = ctypes.CDLL(None, use_errno=True)
    leave_network(libc)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    file_access.give_up(libc)


def make_room() -> None:
    """For images: their time and memory on top of the other. Tells whoever waits for the answer."""
    global _roomy  # noqa: PLW0603 - as above
    if _confined and not _roomy:
        _roomy = True
        for kind in (resource.RLIMIT_CPU, resource.RLIMIT_AS):
            _, hard = resource.getrlimit(kind)
            resource.setrlimit(kind, (hard, hard))
        os.write(1, MORE_TIME)


def leave_network(libc: ctypes.CDLL) -> bool:
    """Moves the process into a network of its own with nothing in it.

    False where the kernel or a container's policy doesn't permit it.
    """
    return bool(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0)


def _cap(kind: int, value: int, soft: int | None = None) -> None:
    """Lowers a limit for good; one that is lower already stays."""
    _, hard = resource.getrlimit(kind)
    ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (ceiling if soft is None else min(soft, ceiling), ceiling))
