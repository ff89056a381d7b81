"""`progress.jsonl`: what a run tells while it runs, one JSON object a line, and how long is left.

Knows nothing of what is trained.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secretariat.models.training.job import PROGRESS
from secretariat.models.training.state import write_whole


class Progress:
    """Lines after `step` are of an attempt that went on past its last state: they are dropped and told anew."""

    def __init__(self, folder: Path, *, step: int, steps: int) -> None:
        self._path = folder / PROGRESS
        self._steps = steps
        self._first = step
        self._began = time.monotonic()
        self._tokens = 0
        kept = [
            line for line in _lines(self._path) if line.get("step", step + 1) <= step and "event" not in line
        ]
        write_whole(self._path, "".join(f"{json.dumps(line)}\n" for line in kept))

    @property
    def seconds(self) -> float:
        """Of this attempt."""
        return time.monotonic() - self._began

    def tell(self, step: int, tokens: int, told: Mapping[str, Any], *, all_tokens: int) -> None:
        """`step` steps are done; the last took `tokens`."""
        self._tokens += tokens
        seconds = max(self.seconds, 1e-9)
        left = seconds / (step - self._first) * (self._steps - step)
        self._write(
            {
                "step": step,
                "of": self._steps,
                **told,
                "tokens": all_tokens,
                "tokens_per_second": round(self._tokens / seconds, 1),
                "seconds_left": round(left, 1),
            }
        )

    def end(self, event: str, ended_by: str) -> None:
        self._write({"event": event, "ended_by": ended_by})

    def _write(self, line: Mapping[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(f"{json.dumps(line)}\n")


def _lines(path: Path) -> list[dict[str, Any]]:
    """Without a last one that was cut off."""
    found = []
    for text in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            found.append(json.loads(text))
        except ValueError:
            continue
    return found
