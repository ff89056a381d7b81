"""Takes a model out of the models directory: the files that `add` or `pull` put there, and no others."""

from dataclasses import dataclass
from pathlib import Path

from secretariat.models.catalog import ModelSource
from secretariat.models.errors import ModelError
from secretariat.models.holding import alone_with
from secretariat.models.installed import GOLDEN, RECORD, added, defaults, find


@dataclass(frozen=True, slots=True)
class Removed:
    """`left`: what lies in the directory and isn't ours, relative to it."""

    name: str
    directory: Path
    files: int
    bytes: int
    left: tuple[str, ...]


def remove(name: str, models_dir: Path) -> Removed:
    """May be repeated after one that was cut short: the record goes last.

    Raises ModelError: "model_not_found", "weights_missing" for a model of the catalogue that isn't here,
    "invalid_request" for one that servers start with, that one serves now or that another changes.
    """
    source, directory = find(name, models_dir), models_dir / name
    if name in defaults():
        raise ModelError(
            "invalid_request",
            f"{name} stays: a server that is told no other model starts with it, and without it doesn't start",
            param="name",
        )
    if leaning := sorted(other.name for other in added(models_dir).values() if other.base == name):
        raise ModelError(
            "invalid_request", f"{name} stays: {', '.join(leaning)} changes its weights. Remove that first",
            param="name",
        )  # fmt: skip
    if directory.is_symlink():
        directory.unlink()
        return Removed(name, directory, files=1, bytes=0, left=())
    if not directory.is_dir():
        raise ModelError("weights_missing", f"{name} isn't here: there is no {directory}", param="name")
    with alone_with(directory) as alone:
        if not alone:
            raise ModelError(
                "invalid_request",
                f"{name} stays: a model server that runs has it on its list. Stop the server, remove the model,"
                " start it again",
                param="name",
            )
        return _emptied(source, directory)


def _emptied(source: ModelSource, directory: Path) -> Removed:
    names = [*(file.path for file in source.files), GOLDEN, RECORD]
    sizes = [_freed(directory / name) for name in names if _ours(directory / name, directory)]
    _drop_empty(directory)
    left = [path for path in directory.rglob("*") if path.is_symlink() or not path.is_dir()]
    return Removed(
        source.name,
        directory,
        len(sizes),
        sum(sizes),
        tuple(sorted(str(path.relative_to(directory)) for path in left)),
    )


def _ours(path: Path, directory: Path) -> bool:
    """There, and not below a link that leads elsewhere."""
    inside = path.parent.resolve().is_relative_to(directory.resolve())
    return inside and (path.is_file() or path.is_symlink())


def _freed(path: Path) -> int:
    """Bytes. Of a link only the link goes."""
    size = 0 if path.is_symlink() else path.stat().st_size
    path.unlink()
    return size


def _drop_empty(directory: Path) -> None:
    """Folders within, then the directory itself."""
    for path in sorted(directory.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()
    if not any(directory.iterdir()):
        directory.rmdir()
