"""What there is beside the catalogue: models that come with the code, and those that somebody added, by records.

Knows nothing of how files come there and what is in them.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from secretariat.models.catalog import CATALOG, SMOLLM2, HubRepository, ModelFile, ModelSource
from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.errors import ModelError

OURS = "secretariat-h-135m"
DEFAULT_EMBEDDER = "all-minilm-l6-v2"
CHAT_VARIABLE = "SECRETARIAT_CHAT_MODEL"
SHIPPED = Path(__file__).with_name("shipped")
RECORD = "model.json"
GOLDEN = "golden.json"


def shipped() -> Mapping[str, ModelSource]:
    """What comes with the code: changes of models of the catalogue, by name."""
    return added(SHIPPED)


def default_chat() -> str:
    """What a server answers with that is told no other model."""
    return os.environ.get(CHAT_VARIABLE) or (OURS if OURS in shipped() else SMOLLM2.name)


def defaults() -> tuple[str, str]:
    """The chat model and the embedder of a server that is told no others."""
    return default_chat(), DEFAULT_EMBEDDER


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
    """Of the catalogue, added, or shipped and not put there yet. Raises ModelError("model_not_found"), or
    "checkpoint_invalid" for a record that can't be read."""
    if name in CATALOG:
        return CATALOG[name]
    path = models_dir / name / RECORD
    if Path(name).name == name and path.is_file():
        return _read_record(path)
    if (source := shipped().get(name)) is not None and not path.parent.exists():
        return source
    known = ", ".join(sorted({*CATALOG, *shipped(), *added(models_dir)}))
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
