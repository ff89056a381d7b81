"""What a models directory holds beside the catalogue: models that somebody added, each with its record.

Knows nothing of how files come there and what is in them.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from secretariat.models.catalog import CATALOG, HubRepository, ModelFile, ModelSource
from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.errors import ModelError

DEFAULT_CHAT = "smollm2-135m-instruct"
DEFAULT_EMBEDDER = "all-minilm-l6-v2"
DEFAULTS = (DEFAULT_CHAT, DEFAULT_EMBEDDER)  # of a server that is told no others
RECORD = "model.json"
GOLDEN = "golden.json"


def write_record(source: ModelSource, directory: Path) -> None:
    """What `added` reads back. Only repositories of the Hugging Face hub can be origins."""
    text = json.dumps(asdict(source), indent=2)
    (directory / RECORD).write_text(f"{text}\n", encoding="utf-8")


def added(models_dir: Path) -> Mapping[str, ModelSource]:
    """By name. A directory with a record that can't be read is left out: `find` says why."""
    found = {}
    for path in sorted(models_dir.glob(f"*/{RECORD}")):
        try:
            found[path.parent.name] = _read_record(path)
        except ModelError:
            continue
    return found


def find(name: str, models_dir: Path) -> ModelSource:
    """Of the catalogue, or added. Raises ModelError("model_not_found"), or "checkpoint_invalid" for a record that
    can't be read."""
    if name in CATALOG:
        return CATALOG[name]
    path = models_dir / name / RECORD
    if Path(name).name == name and path.is_file():
        return _read_record(path)
    known = ", ".join(sorted({*CATALOG, *added(models_dir)}))
    raise ModelError("model_not_found", f"no model {name!r}; there are {known}")


def _read_record(path: Path) -> ModelSource:
    values = read_json(path)
    try:
        source = _source(values)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError("checkpoint_invalid", f"{path}: lacks or misstates {error}") from error
    if source.name != path.parent.name:
        raise ModelError("checkpoint_invalid", f"{path}: is the record of {source.name}")
    return source


def _source(values: Mapping[str, Any]) -> ModelSource:
    return ModelSource(
        name=str(values["name"]),
        kind="chat",
        architecture=str(values["architecture"]),
        files=tuple(ModelFile(**entry) for entry in values["files"]),
        origins=tuple(HubRepository(**entry) for entry in values["origins"]),
        licence=str(values["licence"]),
        context_length=int(values["context_length"]),
        base=None if values.get("base") is None else str(values["base"]),
    )
