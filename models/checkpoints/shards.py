"""The safetensors files of a directory as one set of tensors, whether it is one file or many with an index."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.checkpoints.safetensors_file import SafetensorsFile, SafetensorsTensor
from secretariat.models.errors import ModelError

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"


@dataclass(frozen=True, slots=True)
class Shards:
    """`paths` in the order of their names."""

    paths: tuple[Path, ...]
    tensors: Mapping[str, SafetensorsTensor]


def open_shards(directory: Path) -> Shards:
    """Raises ModelError: "weights_missing" without a file that should be there, "checkpoint_invalid" where index
    and files disagree."""
    if not (directory / INDEX).is_file():
        _refuse_parts(directory)
        file = SafetensorsFile.open(directory / SINGLE)
        return Shards((file.path,), file.tensors)
    files: dict[str, SafetensorsFile] = {}
    tensors: dict[str, SafetensorsTensor] = {}
    for name, shard in _weight_map(directory).items():
        if shard not in files:
            files[shard] = SafetensorsFile.open(directory / shard)
        if name not in files[shard].tensors:
            raise _invalid(f"places tensor {name} in {shard}, which has none of that name")
        tensors[name] = files[shard].tensors[name]
    for shard, file in files.items():
        if stray := sorted(file.tensors.keys() - tensors.keys()):
            raise _invalid(f"leaves out tensor {stray[0]} of {shard}")
    return Shards(tuple(files[shard].path for shard in sorted(files)), MappingProxyType(tensors))


def _refuse_parts(directory: Path) -> None:
    """Without an index they could be any number of any model's."""
    parts = sorted(path.name for path in directory.glob("model-*-of-*.safetensors"))
    if parts and not (directory / SINGLE).is_file():
        raise ModelError(
            "weights_missing", f"there is {parts[0]}, but no {INDEX}, which says what lies where"
        )


def _weight_map(directory: Path) -> dict[str, str]:
    entries = read_json(directory / INDEX).get("weight_map")
    if not isinstance(entries, dict) or not entries:
        raise _invalid("has no weight_map")
    for name, shard in entries.items():
        if not isinstance(shard, str) or Path(shard).name != shard or not shard.endswith(".safetensors"):
            raise _invalid(f"names {shard!r} for tensor {name}, no file of this directory")
    return entries


def _invalid(problem: str) -> ModelError:
    return ModelError("checkpoint_invalid", f"{INDEX}: {problem}")
