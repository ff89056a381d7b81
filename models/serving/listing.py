"""Which models a server can load: the pulled and added ones of its directory, or those that it was given.

Reads names and sizes of files, records, configurations and headers, no weights. Knows no HTTP and loads no torch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from secretariat.models.catalog import ModelKind, ModelSource
from secretariat.models.checkpoints.digest import joint_sha256
from secretariat.models.checkpoints.gguf_file import GgufFile
from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.core import ModelCard
from secretariat.models.errors import ModelError
from secretariat.models.experts.team import FILE as EXPERTS
from secretariat.models.experts.team import weights_folder
from secretariat.models.installed import find

_CONFIG = "config.json"
_WEIGHTS = (".gguf", ".safetensors")
_ENCODER_FILES = ("sentence_bert_config.json", "modules.json", "1_Pooling/config.json")
_LABELLERS = ("ForSequenceClassification", "ForTokenClassification")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a model that isn't loaded; empty where nothing says it."""

    family: str = ""
    licence: str = "unknown"
    context_length: int = 0
    weights_sha256: str = ""
    dim: int | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A model by name. `path`: its directory, or its one GGUF file. `bytes`: of its weights as files. `borrowed`:
    the directory with its weights, where that is another's."""

    name: str
    kind: ModelKind
    path: Path
    bytes: int
    facts: Facts = Facts()
    borrowed: Path | None = None

    @property
    def weights(self) -> Path:
        return self.borrowed or self.path

    def card(self) -> ModelCard:
        """What is known without loading it."""
        facts = self.facts
        return ModelCard(
            self.name,
            self.kind,
            facts.context_length,
            facts.licence,
            facts.weights_sha256,
            facts.dim,
            loaded=False,
            family=facts.family,
            bytes=self.bytes,
        )


def listings(models_dir: Path, named: Mapping[str, Path], required: Iterable[str]) -> dict[str, Listing]:
    """`named` models, or without any all of `models_dir`; the `required` ones even if their files are missing."""
    paths = dict(named) or {path.name: path for path in sorted(models_dir.glob("*")) if _is_model(path)}
    for name in required:
        paths.setdefault(name, models_dir / name)
    return {name: _listing(name, path) for name, path in paths.items()}


def _listing(name: str, path: Path) -> Listing:
    weights = _weights_of(path)
    size = sum(file.stat().st_size for file in _weights_in(weights))
    borrowed, source = (None if weights == path else weights), _recorded(weights)
    if source is not None:
        return Listing(name, source.kind, path, size, _of_record(source, weights.parent), borrowed)
    return Listing(name, _kind(weights), path, size, _stated(weights), borrowed)


def _weights_of(path: Path) -> Path:
    """What can't be read is said when it is loaded."""
    try:
        return weights_folder(path)
    except ModelError:
        return path


def _is_model(path: Path) -> bool:
    """A folder with weights, or with experts over another's."""
    return bool(_weights_in(path)) or (not path.name.startswith(".") and (path / EXPERTS).is_file())


def _weights_in(path: Path) -> list[Path]:
    if path.name.startswith("."):
        return []
    if path.is_file():
        return [path]
    return [file for ending in _WEIGHTS for file in sorted(path.glob(f"*{ending}"))]


def _recorded(path: Path) -> ModelSource | None:
    """Of the catalogue or of whoever added it. A file that is given by its path is taken as it is."""
    try:
        return None if path.is_file() else find(path.name, path.parent)
    except ModelError:
        return None


def _of_record(source: ModelSource, models_dir: Path) -> Facts:
    weights = joint_sha256(_hashes(source, models_dir))
    return Facts(source.architecture, source.licence, source.context_length, weights, source.dim)


def _hashes(source: ModelSource, models_dir: Path) -> dict[str, str]:
    """Of files with weights, the base's first. What lies deeper belongs to experts."""
    own = {
        file.path: file.sha256
        for file in sorted(source.files, key=lambda file: file.path)
        if file.path.endswith(_WEIGHTS) and "/" not in file.path
    }
    try:
        return own if source.base is None else {**_hashes(find(source.base, models_dir), models_dir), **own}
    except ModelError:  # said when it is loaded
        return own


def _stated(path: Path) -> Facts:
    """By the model's own configuration or header. What can't be read is said when it is loaded."""
    files = [file for file in _weights_in(path) if file.suffix == ".gguf"]
    try:
        if not (path / _CONFIG).is_file():
            return _of_header(GgufFile.open(files[0])) if files else Facts()
        values = read_json(path / _CONFIG)
    except ModelError:
        return Facts()
    context = values.get("max_position_embeddings")
    return Facts(str(values.get("model_type", "")), context_length=context if isinstance(context, int) else 0)


def _of_header(file: GgufFile) -> Facts:
    family = str(file.metadata.get("general.architecture", ""))
    context = file.metadata.get(f"{family}.context_length")
    licence = str(file.metadata.get("general.license", "unknown"))
    return Facts(family, licence, context if isinstance(context, int) else 0)


def _kind(path: Path) -> ModelKind:
    if any((path / file).is_file() for file in _ENCODER_FILES):
        return "embedding"
    try:
        saved = read_json(path / _CONFIG).get("architectures") if (path / _CONFIG).is_file() else None
    except ModelError:
        return "chat"
    of_labels = isinstance(saved, list) and any(str(name).endswith(_LABELLERS) for name in saved)
    return "classifier" if of_labels else "chat"
