"""The folder of what was learnt of a base, as hybrids and mixtures are served from it: beside that base.

Owns config.json and the header that names the base. What the changes are is their maker's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from secretariat.models.checkpoints.digest import weights_sha256
from secretariat.models.nets.checkpoint import CONFIG, Checkpoint

WEIGHTS = "weights_sha256"  # in the header: of the base


@dataclass(frozen=True)
class Base:
    """`name`: of its folder, beside which the changes lie."""

    name: str
    digest: str

    @staticmethod
    def of(checkpoint: Checkpoint, directory: Path) -> "Base":
        return Base(directory.name, weights_sha256(checkpoint.paths))


def save_changes(file: Path, base: Base, tensors: Mapping[str, Tensor], fields: Mapping[str, Any]) -> None:
    """`file` and, beside it, config.json with `fields` of the architecture secretariat_h."""
    held = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(held, file, {WEIGHTS: base.digest, "format": "1"})
    config = {"model_type": "secretariat_h", "base": base.name, "base_sha256": base.digest, **fields}
    file.with_name(CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
