"""The folder that a training process works in: what it is told, its examples while it works, its state, its
result.

Words lie there in the open while the process runs, readable by this user alone, and are removed whenever it has
ended. The state stays until the job has ended for good; it belongs to exactly the examples that it learnt from.
"""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

_JOB, _EXAMPLES, _HELD_OUT = "job.json", "examples.jsonl", "held_out.jsonl"
_PROGRESS, _RESULT, _ERROR = "progress.jsonl", "result", "error.json"
_OF = "examples.sha256"


@dataclass(frozen=True, slots=True)
class Place:
    """Up to where a file was read."""

    inode: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class TrainingFolder:
    path: Path

    @property
    def result(self) -> Path:
        return self.path / _RESULT

    def prepare(
        self,
        job: Mapping[str, Any],
        examples: Sequence[Mapping[str, Any]],
        held_out: Sequence[Mapping[str, Any]],
    ) -> bool:
        """Whether a state of the same examples is there to go on from; another one is removed."""
        lines = [_lines(examples), _lines(held_out)]
        digest = hashlib.sha256(b"\0".join(lines)).hexdigest()
        mark = self.path / _OF
        goes_on = mark.is_file() and mark.read_text(encoding="ascii") == digest
        if not goes_on:
            shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.path / _ERROR).unlink(missing_ok=True)
        told = {**job, "data": [str(self.path / _EXAMPLES)], "held_out": [str(self.path / _HELD_OUT)]}
        for name, data in zip((_EXAMPLES, _HELD_OUT, _JOB), [*lines, orjson.dumps(told)], strict=True):
            _write(self.path / name, data)
        _write(mark, digest.encode())
        return goes_on

    def progress(self, since: Place) -> tuple[list[dict[str, Any]], Place]:
        """Whole lines from there on, and where the next begin. Another file took its place when the process
        went on from a state: that is read from its beginning."""
        path = self.path / _PROGRESS
        if not path.is_file():
            return [], since
        with path.open("rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            begun = since.offset if inode == since.inode else 0
            file.seek(begun)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        return [_finite(json.loads(line)) for line in whole.splitlines()], Place(inode, begun + len(whole))

    def error(self) -> dict[str, str] | None:
        path = self.path / _ERROR
        return orjson.loads(path.read_bytes()) if path.is_file() else None

    def summary(self) -> dict[str, Any] | None:
        path = self.result / "summary.json"
        return _finite(json.loads(path.read_bytes())) if path.is_file() else None

    def without_words(self) -> None:
        """The examples are removed; the state stays."""
        for name in (_EXAMPLES, _HELD_OUT):
            (self.path / name).unlink(missing_ok=True)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _finite(told: dict[str, Any]) -> dict[str, Any]:
    """Numbers that the database's JSON can't say are none."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in told.items()
    }


def _lines(records: Sequence[Mapping[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(each) + b"\n" for each in records)


def _write(path: Path, data: bytes) -> None:
    """For this user alone, from the first byte on."""
    path.unlink(missing_ok=True)
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(data)
