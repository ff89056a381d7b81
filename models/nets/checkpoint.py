"""A model directory opened: which network it describes and where its weights lie. Nothing is read before use.

Owns which files make a checkpoint. Knows nothing of tokens beyond their number, of the catalogue or of serving.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secretariat.models.checkpoints.digest import weights_sha256
from secretariat.models.checkpoints.gguf_file import GgufFile
from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.checkpoints.safetensors_file import SafetensorsFile
from secretariat.models.checkpoints.shards import open_shards
from secretariat.models.errors import ModelError
from secretariat.models.nets.architectures import gguf, secretariat_h
from secretariat.models.nets.architectures.registry import adapter_of
from secretariat.models.nets.config import DecoderConfig
from secretariat.models.nets.deltas import merged
from secretariat.models.nets.expert_changes import parted
from secretariat.models.nets.weights import Weights, held_as

CONFIG, DELTAS = "config.json", "deltas.safetensors"
MIXTURE = (
    "mixture.safetensors"  # of changes whose base may be changes itself: names of files say whose they are
)
_FORMS: Mapping[str, str] = {"float32": "F32", "bfloat16": "BF16", "q8": "Q8_0", "q4": "Q4_1"}
_BASE_HASH = "weights_sha256"  # in the header of what was learnt


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`metadata`: a GGUF file's; None for safetensors. `paths`: the files with tensors, in order of name."""

    architecture: str
    config: DecoderConfig
    weights: Weights
    paths: tuple[Path, ...]
    metadata: Mapping[str, Any] | None

    @property
    def stored(self) -> Mapping[str, str]:
        """The number format of each weight, as a network holds it unless another is asked for."""
        return {name: held_as(source) for name, source in self.weights.items()}


def open_checkpoint(directory: Path) -> Checkpoint:
    """Of the one GGUF file in `directory` (or of such a file itself), or of config.json and safetensors: whole
    weights, or changes of another checkpoint's.

    Raises ModelError: "weights_missing" without them, "checkpoint_invalid" for what is malformed or whose maths
    isn't supported.
    """
    if directory.is_file():
        return open_gguf(directory)
    if (directory / CONFIG).is_file():
        values = read_json(directory / CONFIG)
        if "base" in values:
            return _open_deltas(directory, values)
        config, shards = config_of(values), open_shards(directory)
        weights = adapter_of(values).weights(shards.tensors, config)
        return Checkpoint(str(values["model_type"]), config, weights, shards.paths, None)
    return open_gguf(_only_gguf(directory))


def _open_deltas(directory: Path, values: Mapping[str, Any]) -> Checkpoint:
    """What was learnt on top of the checkpoint `base`, a file or folder in `directory` or beside it. The base's
    weights are hashed: changes of other weights would be noise."""
    base = open_checkpoint(_base(directory, _name(values, "base")))
    file = SafetensorsFile.open(directory / _name(values, "deltas", DELTAS))
    if file.header.get(_BASE_HASH) != weights_sha256(base.paths):
        raise ModelError("checkpoint_invalid", f"{file.path.name} wasn't learnt on top of {values['base']}")
    if file.path.name in {path.name for path in base.paths}:
        raise ModelError("checkpoint_invalid", f"{values['base']} has a {file.path.name} of its own")
    if values.get("model_type") != "secretariat_h":
        raise ModelError("checkpoint_invalid", f"{CONFIG}: only a secretariat_h has a base")
    config = base.config
    try:
        if "hybrid_layers" in values:
            config = secretariat_h.hybrid(config, values)
        if "moe_experts" in values:
            config = secretariat_h.mixture(config, values)
    except ModelError as error:
        raise ModelError(error.code, f"{CONFIG}: {error.message}") from error
    experts, changes = parted(file.tensors, config)
    held = _held(values)
    weights = {**merged(base.weights, base.config, config, changes, held), **experts}
    return Checkpoint("secretariat_h", config, weights, (*base.paths, file.path), base.metadata)


def _held(values: Mapping[str, Any]) -> str | None:
    """What changed matrices are held in, by "form" in the configuration."""
    form = values.get("form")
    if form is not None and form not in _FORMS:
        raise ModelError("checkpoint_invalid", f"{CONFIG}: form = {form!r} is none of {', '.join(_FORMS)}")
    return None if form is None else _FORMS[form]


def _name(values: Mapping[str, Any], field: str, default: str | None = None) -> str:
    name = values.get(field, default)
    if not isinstance(name, str) or Path(name).name != name:
        raise ModelError("checkpoint_invalid", f"{CONFIG}: {field} {name!r} is no name of a file or folder")
    return name


def _base(directory: Path, name: str) -> Path:
    found = next((path for path in (directory / name, directory.parent / name) if path.exists()), None)
    if found is None:
        raise ModelError("weights_missing", f"neither in {directory} nor beside it is there {name}, its base")
    return found


def config_of(values: Mapping[str, Any]) -> DecoderConfig:
    """Of the object in config.json. Raises ModelError("checkpoint_invalid")."""
    try:
        return adapter_of(values).decoder_config(values)
    except ValueError as error:  # a spec whose numbers don't fit together
        raise ModelError("checkpoint_invalid", f"{CONFIG}: {error}") from error
    except ModelError as error:
        raise ModelError(error.code, f"{CONFIG}: {error.message}") from error


def open_gguf(path: Path) -> Checkpoint:
    """Raises ModelError as `open_checkpoint`."""
    file = GgufFile.open(path)
    try:
        config = gguf.decoder_config(file.metadata, file.tensors)
        architecture = str(file.metadata["general.architecture"])
        weights = gguf.weights(file.tensors, config, architecture)
    except ModelError as error:
        raise ModelError(error.code, f"{path.name}: {error.message}") from error
    return Checkpoint(architecture, config, weights, (path,), file.metadata)


def _only_gguf(directory: Path) -> Path:
    found = sorted(directory.glob("*.gguf"))
    if not found:
        raise ModelError(
            "weights_missing",
            f"{directory} holds neither a .gguf file nor {CONFIG} with .safetensors files",
        )
    if len(found) > 1:
        raise ModelError("checkpoint_invalid", f"{directory} holds {len(found)} .gguf files, not one")
    return found[0]
