"""Stages of the commands that train: each a job of the trainer in a folder of its own, with a budget of time.

What was done before goes on where it stood.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parents[1] / ".secretariat"
SECONDS = 9000
JOB, SUMMARY = "job.json", Path("result") / "summary.json"


def begin(folder: Path, told: Mapping[str, Any]) -> None:
    """A job that was begun keeps its own words: a state belongs to them."""
    if not (folder / JOB).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / JOB).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def train(folder: Path) -> None:
    run("secretariat.models.training", str(folder))


def run(module: str, *arguments: str) -> None:
    """Ends this process as that one ended, where it failed."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def install(names: Iterable[str], result: Path, into: Path) -> None:
    """Those of them that are there."""
    into.mkdir(parents=True, exist_ok=True)
    for name in names:
        if (result / name).is_file():
            shutil.copy2(result / name, into / name)
