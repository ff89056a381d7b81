"""Compiled operations: built with a plain C++ compiler at first use or before, cached, and run as programs.

Each `<op>/cpu.cpp` becomes a shared object of its own, named by its source, the headers, the flags and the
instruction set, and is put in place by one rename, so processes starting together don't disturb each other.
Knows no network and no tensors' meaning.
"""

import ctypes
import hashlib
import logging
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

from secretariat.models.errors import ModelError
from secretariat.models.kernels.processor import Isa, fastest, named

_log = logging.getLogger(__name__)
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
    _fields_ = [
        ("operation", ctypes.c_void_p),
        ("args", ctypes.c_void_p),
        ("adapted", ctypes.c_int32),
        ("ring", ctypes.c_int32),
    ]


class BuildError(ModelError):
    """An operation can't be had, in one line. What a compiler said beyond it is in the log."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            "engine_failed",
            f"{problem}. A model server with --backend torch, or SECRETARIAT_ISA=none, goes without compiled"
            " operations, but slower",
        )


class Library:
    """The operations for one instruction set. `compiler` None: those that were built before."""

    def __init__(self, isa: Isa, folder: Path, compiler: str | None) -> None:
        self.isa = isa
        self._folder = folder
        self._compiler = compiler
        self._loaded: dict[str, ctypes.CDLL] = {}

    def build(self, operations: Sequence[str]) -> None:
        """Compile what isn't in the cache yet, two at a time. Raises BuildError.

        Nothing is loaded: the instruction set may be one that this processor lacks.
        """
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self._built, operations))

    def is_built(self) -> bool:
        """Whether every operation is in the cache, as its source is now."""
        return all(self._target(operation).exists() for operation in operations())

    def open(self, operation: str) -> ctypes.CDLL:
        """Raises BuildError."""
        if operation not in self._loaded:
            path = self._built(operation)
            try:
                self._loaded[operation] = ctypes.CDLL(str(path))
            except OSError as error:  # most likely OpenMP's library is missing: it names it
                raise BuildError(f"the compiled {operation} can't be loaded: {error}") from error
        return self._loaded[operation]

    def address(self, operation: str, function: str | None = None) -> int:
        """Of the OPERATION `function` (by default the one named like its folder)."""
        symbol = getattr(self.open(operation), function or operation)
        return ctypes.cast(symbol, ctypes.c_void_p).value or 0

    def _built(self, operation: str) -> Path:
        target = self._target(operation)
        if target.exists():
            return target
        if self._compiler is None:
            raise BuildError(f"{operation} isn't built for {self.isa.name}, and there is no C++ compiler")
        try:
            self._compile(self._compiler, _ROOT / operation / "cpu.cpp", target)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BuildError(f"{operation} can't be built for {self.isa.name}: {error}") from error
        return target

    def _target(self, operation: str) -> Path:
        source = _ROOT / operation / "cpu.cpp"
        digest = hashlib.sha256(repr((*_FLAGS, *self.isa.flags)).encode() + source.read_bytes())
        for header in sorted(_ROOT.glob("*/*.h")):
            digest.update(header.read_bytes())
        return self._folder / f"{operation}-{self.isa.name}-{digest.hexdigest()[:16]}.so"

    def _compile(self, compiler: str, source: Path, target: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
            fresh = Path(scratch) / "operation.so"
            command = [compiler, *_FLAGS, *self.isa.flags, f"-I{_ROOT}", str(source), "-o", str(fresh)]
            done = subprocess.run(
                command, capture_output=True, check=False, timeout=_BUILD_SECONDS, text=True
            )
            if done.returncode:
                _log.error("%s: %s", compiler, done.stderr)
                raise BuildError(
                    f"{compiler} can't compile {source.parent.name} for {self.isa.name}: {_reason(done.stderr)}"
                )
            fresh.replace(target)


def operations() -> list[str]:
    """All there are."""
    return sorted(path.parent.name for path in _ROOT.glob("*/cpu.cpp"))


def _reason(said: str) -> str:
    """The line of a compiler's words that says what is wrong."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["it doesn't say why"]
    return next((line for line in lines if "error" in line.lower()), lines[-1])


class Program:
    """A list of operations with their arguments, run in one parallel region."""

    def __init__(self, library: Library, threads: int) -> None:
        self.library = library
        self.threads = threads
        self._run = library.open("core").run_program
        self._run.argtypes = [
            ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p,
        ]  # fmt: skip
        self._run.restype = None
        self._operations: list[tuple[int, ctypes.Structure, bool, bool]] = []
        self._names: list[str] = []
        self._adapted = self._ring = False
        self._kept: list[Any] = []
        self._nodes: ctypes.Array[_Node] | None = None
        self._scratch = torch.empty(0, dtype=torch.uint8)

    def __len__(self) -> int:
        return len(self._operations)

    def add(
        self, operation: str, args: ctypes.Structure, *, function: str | None = None, keep: Sequence[Any] = ()
    ) -> None:
        """`keep`: whatever owns memory that `args` points into."""
        self._operations.append((self.library.address(operation, function), args, self._adapted, self._ring))
        self._names.append(function or operation)
        self._kept.extend(keep)
        self._nodes = None

    @contextmanager
    def only_adapted(self) -> Iterator[None]:
        """What is added meanwhile is left out of steps in which nobody carries an adapter."""
        self._adapted = True
        yield
        self._adapted = False

    @contextmanager
    def on_rings(self, wanted: bool) -> Iterator[None]:  # noqa: FBT001 - reads as its only word
        """Where `wanted`, what is added meanwhile finds its pages in the slots, not in the step's `pages`."""
        self._ring = wanted
        yield
        self._ring = False

    def scratch(self, size: int) -> Tensor:
        """At least `size` bytes for one operation while it runs: the next may be given the same."""
        if len(self._scratch) < size:
            self._scratch = torch.empty(size, dtype=torch.uint8)
        return self._scratch

    def run(self, step: Step, ring_pages: int | None = None) -> None:
        """`ring_pages`: address of the page tables for what was added `on_rings`."""
        self._run_timed(step, ring_pages, None)

    def profile(self, step: Step, ring_pages: int | None = None) -> list[tuple[str, float]]:
        """Runs the step; for each operation in the program's order, its name and the seconds until all threads
        were done with it. 0 for one that was left out."""
        seconds = (ctypes.c_double * len(self))()
        self._run_timed(step, ring_pages, ctypes.addressof(seconds))
        return list(zip(self._names, seconds, strict=True))

    def _run_timed(self, step: Step, ring_pages: int | None, seconds: int | None) -> None:
        if self._nodes is None:
            nodes = [_Node(op, ctypes.addressof(args), *flags) for op, args, *flags in self._operations]
            self._nodes = (_Node * len(nodes))(*nodes)
        self._run(
            ctypes.addressof(self._nodes), len(self._nodes), ctypes.addressof(step), ring_pages, self.threads,
            seconds,
        )  # fmt: skip


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
    """For this processor, or for the named instruction set; None where there is neither a C++ compiler nor
    everything that one would build.

    SECRETARIAT_ISA names one; `none` turns the compiled path off.
    """
    name = isa or os.environ.get("SECRETARIAT_ISA")
    compiler = shutil.which("c++") or shutil.which("g++")
    if name == "none":
        return None
    home = os.environ.get("SECRETARIAT_HOME")
    folder = (Path(home) if home else Path.cwd() / ".secretariat") / "kernels"
    made = Library(named(name) if name else fastest(), folder, compiler)
    return made if compiler is not None or made.is_built() else None
