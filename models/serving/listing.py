"""Which models a server can load: the pulled and added ones of its directory, or those that it was given.

Reads names and sizes of files, no weights. Knows no HTTP and loads no torch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from secretariat.models.catalog import CATALOG, ModelKind
from secretariat.models.core import ModelCard

_WEIGHTS = ("*.gguf", "*.safetensors")
_ENCODER_FILES = ("sentence_bert_config.json", "modules.json", "1_Pooling/config.json")


@dataclass(frozen=True, slots=True)
class Listing:
    """A model by name. `bytes`: of its weights as files, which is about what it takes in memory."""

    name: str
    kind: ModelKind
    directory: Path
    bytes: int

    def card(self) -> ModelCard:
        """What is known without loading it."""
        known = CATALOG.get(self.name)
        if known is None:
            return ModelCard(self.name, self.kind, 0, licence_of(self.name), "", loaded=False)
        sha256 = known.files[0].sha256
        return ModelCard(
            self.name, self.kind, known.context_length, known.licence, sha256, known.dim, loaded=False
        )


def licence_of(name: str) -> str:
    return CATALOG[name].licence if name in CATALOG else "unknown"


def listings(models_dir: Path, named: Mapping[str, Path], required: Iterable[str]) -> dict[str, Listing]:
    """`named` models, or without any all of `models_dir`; the `required` ones even if their files are missing."""
    directories = dict(named) or {
        path.name: path for path in sorted(models_dir.glob("*")) if _weights_in(path)
    }
    for name in required:
        directories.setdefault(name, models_dir / name)
    return {name: _listing(name, directory) for name, directory in directories.items()}


def _listing(name: str, directory: Path) -> Listing:
    size = sum(path.stat().st_size for path in _weights_in(directory))
    return Listing(name, _kind(name, directory), directory, size)


def _weights_in(directory: Path) -> list[Path]:
    if directory.name.startswith("."):
        return []
    if directory.is_file():
        return [directory]
    return [path for pattern in _WEIGHTS for path in directory.glob(pattern)]


def _kind(name: str, directory: Path) -> ModelKind:
    if name in CATALOG:
        return CATALOG[name].kind
    return "embedding" if any((directory / file).is_file() for file in _ENCODER_FILES) else "chat"
