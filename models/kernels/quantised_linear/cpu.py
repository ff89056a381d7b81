"""Builds `cpu.c` at first use and calls it.

The machine code lies in a cache named by the source, the compiler's flags and the processor, and is put
there in one rename, so that processes starting together do not disturb each other.
"""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from secretariat.models.kernels.quantised_linear.reference import PackedRows

MAX_ROWS = 8
_SOURCE = Path(__file__).with_name("cpu.c")
_FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-fopenmp", "-shared", "-fPIC", "-std=gnu11")
_WIDE = "-mprefer-vector-width=512"


class Kernel:
    """The compiled operation. It reads raw pointers: shapes are checked here, before."""

    def __init__(self, library: ctypes.CDLL) -> None:
        pointer, long = ctypes.c_void_p, ctypes.c_long
        self._call = library.quantised_linear
        self._call.argtypes = [ctypes.c_int, *([pointer] * 3), long, long, long, ctypes.c_int]
        self._call.restype = ctypes.c_int

    def __call__(self, x_MI: Tensor, packed: PackedRows) -> Tensor:
        """x Wᵀ, [M, O] float32, for 1 ≤ M ≤ MAX_ROWS."""
        rows, inputs = x_MI.shape
        if x_MI.dtype != torch.float32 or inputs != packed.inputs or not 1 <= rows <= MAX_ROWS:
            raise ValueError(f"{rows} rows of {inputs} {x_MI.dtype} do not fit {packed.inputs} inputs")
        x_MI = x_MI.contiguous()
        y_MO = torch.empty(rows, packed.outputs)
        failed = self._call(
            packed.form,
            packed.rows.data_ptr(),
            x_MI.data_ptr(),
            y_MO.data_ptr(),
            rows,
            inputs,
            packed.outputs,
            torch.get_num_threads(),
        )
        if failed:
            raise ValueError(f"the kernel does not take {inputs} inputs")
        return y_MO


@cache
def load() -> Kernel | None:
    """The kernel, built if need be; None where there is no C compiler that can build it."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    home = os.environ.get("SECRETARIAT_HOME")
    folder = (Path(home) if home else Path.cwd() / ".secretariat") / "kernels"
    return build(compiler, folder)


def build(compiler: str, folder: Path) -> Kernel | None:
    flags = (*_FLAGS, _WIDE) if platform.machine() == "x86_64" else _FLAGS
    key = hashlib.sha256(_SOURCE.read_bytes() + repr((flags, _processor())).encode()).hexdigest()[:16]
    target = folder / f"quantised_linear-{key}.so"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            fresh = Path(scratch) / "kernel.so"
            command = [compiler, *flags, str(_SOURCE), "-o", str(fresh)]
            if subprocess.run(command, capture_output=True, check=False, timeout=120).returncode:
                return None
            fresh.replace(target)
    return Kernel(ctypes.CDLL(str(target)))


def _processor() -> str:
    """What `-march=native` depends on, so that a cache on a shared disk fits every machine."""
    information = Path("/proc/cpuinfo")
    if not information.exists():
        return platform.processor()
    lines = information.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.machine())
