"""Which files a parser can still open: its interpreter's, to read, and no other. A Landlock domain; Linux 5.13+.

Opens what is read later: libraries for images, alphabets, fonts. The document itself is open already.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every architecture
_VERSION, _BENEATH = 1, 1  # linux/landlock.h
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_HANDLED = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""By version of the interface: how many kinds of access there are. All but reading are given up everywhere."""

_SYSTEM = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/sys/devices/system/cpu", "/proc/cpuinfo",
           "/proc/meminfo", "/dev/null", "/dev/urandom")  # fmt: skip


def give_up(libc: ctypes.CDLL) -> None:
    """The rest of the file system, where the kernel knows how. Takes no_new_privs."""
    version = libc.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint(_VERSION))
    if version < 1:
        return
    handled = struct.pack("=Q", (1 << _HANDLED.get(version, max(_HANDLED.values()))) - 1)
    rules = libc.syscall(_CREATE, ctypes.c_char_p(handled), ctypes.c_size_t(len(handled)), ctypes.c_uint(0))
    if rules < 0:
        return
    try:
        for path in _readable():
            with suppress(OSError):  # not every system has all of them
                _allow(libc, rules, path)
        libc.syscall(_RESTRICT, ctypes.c_int(rules), ctypes.c_uint(0))
    finally:
        os.close(rules)


def _readable() -> Iterator[str]:
    yield from _SYSTEM
    yield from {sys.prefix, sys.base_prefix}
    yield str(Path(__file__).resolve().parents[1])


def _allow(libc: ctypes.CDLL, rules: int, path: str) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        access = _READ_FILE | (_READ_FOLDER if Path(path).is_dir() else 0)
        rule = struct.pack("=Qi", access, place)
        libc.syscall(
            _ADD, ctypes.c_int(rules), ctypes.c_int(_BENEATH), ctypes.c_char_p(rule), ctypes.c_uint(0)
        )
    finally:
        os.close(place)
