"""Where a run stands, on disk: tensors and facts that are whole at any moment, whoever is killed when.

The facts name the file of the tensors they belong to; the tensors are there before the facts say so.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from secretariat.models.checkpoints.json_file import read_json

_FACTS = "state.json"


@dataclass(frozen=True)
class State:
    facts: Mapping[str, Any]
    tensors: Mapping[str, Tensor]


def write_state(folder: Path, state: State, step: int) -> None:
    """Replaces what was there, all of it or nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"step-{step:08d}.safetensors"
    fresh = folder / f".{name}"
    save_file(dict(state.tensors), fresh)
    _synced(fresh)
    fresh.rename(folder / name)
    _synced(folder)
    write_whole(folder / _FACTS, json.dumps({**state.facts, "tensors": name}))
    for old in [*folder.glob("*.safetensors"), *folder.glob(".*.safetensors")]:
        if old.name != name:
            old.unlink()


def read_state(folder: Path) -> State | None:
    """None where nothing was written yet."""
    if not (folder / _FACTS).is_file():
        return None
    facts = read_json(folder / _FACTS)
    return State(facts, load_file(folder / facts["tensors"]))


def write_whole(path: Path, text: str) -> None:
    """The file is the old or the new one, and the new one once this returns."""
    fresh = path.with_name(f".{path.name}")
    fresh.write_text(text, encoding="utf-8")
    _synced(fresh)
    fresh.rename(path)
    _synced(path.parent)


def _synced(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
