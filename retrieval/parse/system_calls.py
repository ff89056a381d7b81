"""Which system calls a parser can't make: a seccomp filter. Linux on x86-64 and ARM64; knows no format.

Without sockets of any kind there is no network and no database; without new programs, processes and signals
nobody else is reached. What is refused fails with EPERM, as if it weren't allowed to the user.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator, Mapping

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2  # linux/prctl.h, linux/seccomp.h
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_DENY = _ERRNO | errno.EPERM
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # linux/bpf_common.h
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_X32 = 0x40000000  # other names for the same calls on x86-64
_CLONE_THREAD = 0x00010000

# On x86-64 and on ARM64; None: that system has no such call. The same numbers hold on all from 424 up.
_REFUSED: Mapping[str, tuple[int | None, int | None]] = {
    "socket": (41, 198), "socketpair": (53, 199),
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_send_signal": (424, 424), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "tkill": (200, 130),
    "unshare": (272, 97), "setns": (308, 268), "chroot": (161, 51), "pivot_root": (155, 41),
    "mount": (165, 40), "umount2": (166, 39), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "init_module": (175, 105), "finit_module": (313, 273), "kexec_load": (246, 104),
    "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
}  # fmt: skip
_ON_ITSELF = {"kill": (62, 129), "tgkill": (234, 131), "prlimit64": (302, 261)}
"""First argument: the process. Aborting and raising one's own soft limits stay possible."""
_CLONE, _CLONE3 = (56, 220), (435, 435)
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column, linux/audit.h


def refuse(libc: ctypes.CDLL) -> bool:
    """Whether the filter holds from now on, for this process and all that it starts. Takes no_new_privs."""
    if _MACHINE not in _ARCHITECTURES:
        return False
    program = _COMMON + b"".join(_last(_MACHINE))
    code = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    return bool(libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.c_char_p(head), 0, 0) == 0)


def _common(machine: str) -> bytes:
    """The part that is the same for every process."""
    column, architecture = _ARCHITECTURES[machine]
    program = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, architecture, met=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        _step(_AT_LEAST, _X32, unmet=1),
        _step(_RETURN, _DENY),
    ]
    for numbers in _REFUSED.values():
        if (number := numbers[column]) is not None:
            program += [_step(_EQUAL, number, unmet=1), _step(_RETURN, _DENY)]
    # clone3 hides its flags in memory; the C library falls back to clone when it isn't there.
    program += [_step(_EQUAL, _CLONE3[column], unmet=1), _step(_RETURN, _ERRNO | errno.ENOSYS)]
    program += _only_if(_CLONE[column], _step(_ANY_BIT, _CLONE_THREAD, unmet=1))
    return b"".join(program)


def _last(machine: str) -> Iterator[bytes]:
    column, _ = _ARCHITECTURES[machine]
    for name, numbers in _ON_ITSELF.items():
        itself = 0 if name == "prlimit64" else os.getpid()
        yield from _only_if(numbers[column], _step(_EQUAL, itself, unmet=1))
    yield _step(_RETURN, _ALLOW)


def _only_if(number: int, condition: bytes) -> list[bytes]:
    """The call is allowed where its first argument meets the condition."""
    return [
        _step(_EQUAL, number, unmet=4),
        _step(_LOAD, _FIRST_ARGUMENT),
        condition,
        _step(_RETURN, _ALLOW),
        _step(_RETURN, _DENY),
    ]


def _step(code: int, value: int, *, met: int = 0, unmet: int = 0) -> bytes:
    """One instruction; a comparison skips so many of those that follow."""
    return struct.pack("=HBBI", code, met, unmet, value)


_MACHINE = platform.machine()
_COMMON = _common(_MACHINE) if _MACHINE in _ARCHITECTURES else b""
