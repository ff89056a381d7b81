"""Lays out what experts are measured with: which model brings them, what they are asked, five models of their own.

What is there stays, unless it was made for other experts. Vectors are trained apart (`make train-vectors`).
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.experts import requests, tasks, whole
from benchmarks.experts.unseen import unseen
from benchmarks.ours import MODELS
from secretariat.models.checkpoints.digest import weights_sha256
from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.experts.team import FILE, Team, read_team, weights_folder
from secretariat.models.nets.checkpoint import open_checkpoint

MIXED, GROUNDED, UNSEEN = 600, 150, 60


def found() -> str | None:
    """The model with experts, where there is one alone."""
    names = [path.parent.name for path in MODELS.glob(f"*/{FILE}")]
    return names[0] if len(names) == 1 else None


def lay_out(name: str) -> list[str]:
    """For the model of this name below the models' folder. What it lacks for that, in words."""
    folder = MODELS / name
    if (served := read_team(folder)) is None:
        return [f"{folder / FILE}: train the experts first"]
    told = {"model": name, "experts": [member.name for member in served.members]}
    other = not _is(tasks.FOLDER / tasks.SERVED, told)
    _write(tasks.FOLDER / tasks.SERVED, [told])
    base = weights_folder(folder)
    _merged(base, served)
    if lacking := [f"{path}: a public set" for path in requests.SETS if not path.is_file()]:
        return lacking
    makers: dict[str, tuple[bool, Callable[[], Iterable[requests.Record]]]] = {
        tasks.REQUESTS: (other, lambda: requests.mixed(told["experts"], served.general.name, MIXED)),
        tasks.GROUNDED: (False, lambda: requests.grounded(GROUNDED)),
        tasks.UNSEEN: (False, lambda: unseen(UNSEEN)),
    }
    for file, (anew, make) in makers.items():
        if anew or not (tasks.FOLDER / file).is_file():
            _write(tasks.FOLDER / file, make())
    return []


def _is(path: Path, told: requests.Record) -> bool:
    return path.is_file() and read_json(path) == told


def _write(path: Path, records: Iterable[requests.Record]) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}")
    fresh.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    fresh.replace(path)


def _merged(base: Path, served: Team) -> None:
    into = tasks.FOLDER / "whole"
    whole.link(base, into)
    sha256 = weights_sha256(open_checkpoint(base).paths)
    for member in served.members:
        if member.folder is not None:
            whole.merge(base, sha256, member.folder, into / member.name)
