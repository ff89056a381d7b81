"""An expert as a model of its own: its adapter's changes beside its base, which the loader adds to the weights.

An adapter that acts late acts on the whole prompt then: its own answers to its own kind stay near, others drift.
"""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from secretariat.models.adapters.files import SETTINGS, WEIGHTS
from secretariat.models.checkpoints.digest import file_sha256
from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.checkpoints.safetensors_file import SafetensorsFile

CHANGES = "expert.safetensors"
_CONFIG = "config.json"
_PREFIX, _DOWN, _UP = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
_OF = "adapter_sha256"  # in the header


def merge(base: Path, base_sha256: str, adapter: Path, into: Path) -> None:
    """Writes `into`, a folder whose base lies beside it (`link`); one of the same adapter and base is left as it
    is. `base_sha256`: `weights_sha256` of what the base is opened from."""
    header = {"weights_sha256": base_sha256, _OF: file_sha256(adapter / WEIGHTS)}
    if (into / _CONFIG).is_file() and SafetensorsFile.open(into / CHANGES).header == header:
        return
    into.mkdir(parents=True, exist_ok=True)
    (into / _CONFIG).unlink(missing_ok=True)
    save_file(_changes(adapter), into / CHANGES, header)
    config = {"model_type": "secretariat_h", "base": base.name, "deltas": CHANGES}
    (into / _CONFIG).write_text(json.dumps(config) + "\n", encoding="utf-8")


def _changes(adapter: Path) -> dict[str, npt.NDArray[np.float32]]:
    scale = _scale(adapter)
    found = {}
    for name, tensor in SafetensorsFile.open(adapter / WEIGHTS).tensors.items():
        module = name.removeprefix(_PREFIX)
        if module.endswith(_DOWN):
            found[module.removesuffix(_DOWN) + ".down"] = tensor.floats()
        else:
            found[module.removesuffix(_UP) + ".up"] = np.asarray(tensor.floats() * scale, np.float32)
    return found


def _scale(adapter: Path) -> float:
    settings = read_json(adapter / SETTINGS)
    rank = settings["r"]
    return float(settings["lora_alpha"] / (rank**0.5 if settings.get("use_rslora") else rank))


def link(base: Path, beside: Path) -> None:
    """The base and what it is itself made of, by their names."""
    while True:
        if not (beside / base.name).exists():
            beside.mkdir(parents=True, exist_ok=True)
            (beside / base.name).symlink_to(base.resolve(), target_is_directory=True)
        config = read_json(base / _CONFIG) if (base / _CONFIG).is_file() else {}
        if "base" not in config:
            return
        base = base.parent / str(config["base"])
