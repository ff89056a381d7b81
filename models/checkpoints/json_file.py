"""Reads a JSON object from a file of a checkpoint."""

import json
from pathlib import Path
from typing import Any

from secretariat.models.errors import ModelError


def read_json(path: Path) -> dict[str, Any]:
    """Raises ModelError: "weights_missing" without a file, "checkpoint_invalid" for anything but an object."""
    if not path.is_file():
        raise ModelError("weights_missing", f"{path} does not exist")
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ModelError("checkpoint_invalid", f"{path.name}: {error}") from error
    if not isinstance(value, dict):
        raise ModelError("checkpoint_invalid", f"{path.name}: is not a JSON object")
    return value
