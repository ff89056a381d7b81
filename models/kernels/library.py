"""Compiled operations: built with a plain C++ compiler at first use, cached, and run as programs.

Each `<op>/cpu.cpp` becomes a shared object of its own, named by its source, the headers, the flags and the
instruction set, and is put in place by one rename, so processes starting together don't disturb each other.
Knows no network and no tensors' meaning.
"""

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from secretariat.models.kernels.processor import Isa, fastest, named

_ROOT = Path(__file__).parent
_FLAGS = (
    "-O3",
    "-std=c++17",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fopenmp",
    "-shared",
    "-fPIC",
    "-Wno-psabi",
)
_BUILD_SECONDS = 300


class Args(Protocol):
    """A ctypes.Structure that mirrors the struct of the same operation."""

    _fields_: Any


class Step(ctypes.Structure):
    """Mirrors `Step` of core/step.h."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("tokens", "runs", "wanted", "exact")),
        *(
            (name, ctypes.c_void_p)
            for name in (
                "ids",
                "positions",
                "run_of",
                "starts",
                "begins",
                "page_starts",
                "pages",
                "slots",
                "held",
                "adapters",
                "rows",
                "logits",
            )
        ),
    ]


class _Node(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("args", ctypes.c_void_p), ("adapted", ctypes.c_int64)]


class Library:
    """The operations for one instruction set."""

    def __init__(self, isa: Isa, folder: Path, compiler: str) -> None:
        self.isa = isa
        self._folder = folder
        self._compiler = compiler
        self._loaded: dict[str, ctypes.CDLL] = {}

    def build(self, operations: Sequence[str]) -> None:
        """Compile what isn't in the cache yet, two at a time."""
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self.open, operations))

    def open(self, operation: str) -> ctypes.CDLL:
        """Raises OSError with the compiler's words where the source doesn't compile."""
        if operation not in self._loaded:
            self._loaded[operation] = ctypes.CDLL(str(self._built(_ROOT / operation / "cpu.cpp")))
        return self._loaded[operation]

    def address(self, operation: str, function: str | None = None) -> int:
        """Of the OPERATION `function` (by default the one named like its folder)."""
        symbol = getattr(self.open(operation), function or operation)
        return ctypes.cast(symbol, ctypes.c_void_p).value or 0

    def _built(self, source: Path) -> Path:
        flags = (*_FLAGS, *self.isa.flags)
        digest = hashlib.sha256(repr(flags).encode() + source.read_bytes())
        for header in sorted(_ROOT.glob("*/*.h")):
            digest.update(header.read_bytes())
        target = self._folder / f"{source.parent.name}-{self.isa.name}-{digest.hexdigest()[:16]}.so"
        if target.exists():
            return target
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
            fresh = Path(scratch) / "operation.so"
            command = [self._compiler, *flags, f"-I{_ROOT}", str(source), "-o", str(fresh)]
            done = subprocess.run(
                command, capture_output=True, check=False, timeout=_BUILD_SECONDS, text=True
            )
            if done.returncode:
                raise OSError(f"{source} does not compile for {self.isa.name}: {done.stderr[-2000:]}")
            fresh.replace(target)
        return target


class Program:
    """A list of operations with their arguments, run in one parallel region."""

    def __init__(self, library: Library, threads: int) -> None:
        self.library = library
        self.threads = threads
        self._run = library.open("core").run_program
        self._run.argtypes = [
            ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p,
        ]  # fmt: skip
        self._run.restype = None
        self._operations: list[tuple[int, ctypes.Structure, bool]] = []
        self._names: list[str] = []
        self._adapted = False
        self._kept: list[Any] = []
        self._nodes: ctypes.Array[_Node] | None = None
        self._scratch = torch.empty(0, dtype=torch.uint8)

    def __len__(self) -> int:
        return len(self._operations)

    def add(
        self, operation: str, args: ctypes.Structure, *, function: str | None = None, keep: Sequence[Any] = ()
    ) -> None:
        """`keep`: whatever owns memory that `args` points into."""
        self._operations.append((self.library.address(operation, function), args, self._adapted))
        self._names.append(function or operation)
        self._kept.extend(keep)
        self._nodes = None

    @contextmanager
    def only_adapted(self) -> Iterator[None]:
        """What is added meanwhile is left out of steps in which nobody carries an adapter."""
        self._adapted = True
        yield
        self._adapted = False

    def scratch(self, size: int) -> Tensor:
        """At least `size` bytes for one operation while it runs: the next may be given the same."""
        if len(self._scratch) < size:
            self._scratch = torch.empty(size, dtype=torch.uint8)
        return self._scratch

    def run(self, step: Step) -> None:
        self._run_timed(step, None)

    def profile(self, step: Step) -> list[tuple[str, float]]:
        """Runs the step; for each operation in the program's order, its name and the seconds until all threads
        were done with it. 0 for one that was left out."""
        seconds = (ctypes.c_double * len(self))()
        self._run_timed(step, ctypes.addressof(seconds))
        return list(zip(self._names, seconds, strict=True))

    def _run_timed(self, step: Step, seconds: int | None) -> None:
        if self._nodes is None:
            nodes = [_Node(op, ctypes.addressof(args), adapted) for op, args, adapted in self._operations]
            self._nodes = (_Node * len(nodes))(*nodes)
        self._run(
            ctypes.addressof(self._nodes), len(self._nodes), ctypes.addressof(step), self.threads, seconds
        )


def pointer(tensor: Tensor) -> int:
    """Its address, for an Args field. The tensor must outlive the use and be contiguous."""
    assert tensor.is_contiguous(), "an operation reads contiguous memory"
    return tensor.data_ptr()


def rows_pointer(tensor: Tensor) -> int:
    """As `pointer`, of rows that may lie apart: the operation must be told `tensor.stride(0)`."""
    assert tensor.dtype == torch.float32, "an operation reads float32 rows"
    assert tensor.stride(1) == 1, "an operation reads contiguous rows"
    return tensor.data_ptr()


@cache
def library(isa: str | None = None) -> Library | None:
    """For this processor, or for the named instruction set; None where no C++ compiler is to be had.

    SECRETARIAT_ISA names one; `none` turns the compiled path off.
    """
    name = isa or os.environ.get("SECRETARIAT_ISA")
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None or name == "none":
        return None
    home = os.environ.get("SECRETARIAT_HOME")
    folder = (Path(home) if home else Path.cwd() / ".secretariat") / "kernels"
    return Library(named(name) if name else fastest(), folder, compiler)
