"""Takes a model from a file, a directory or the Hugging Face hub into the models directory.

It comes there whole or not at all: understood, hashed, run once, with a record of all three. Knows no console.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from secretariat.models.adapters.files import SETTINGS, WEIGHTS
from secretariat.models.catalog import CATALOG, HubRepository, ModelFile, ModelSource, Origin
from secretariat.models.checkpoints.digest import file_sha256
from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.commands.files import lone, wanted
from secretariat.models.commands.golden import Golden, golden_of, write_golden
from secretariat.models.errors import ModelError
from secretariat.models.experts.router_files import MEANING, TENSORS
from secretariat.models.experts.team import FILE as EXPERTS
from secretariat.models.experts.team import ROUTER, read_team
from secretariat.models.installed import find, shipped, write_record
from secretariat.models.nets.checkpoint import CONFIG, Checkpoint, open_checkpoint
from secretariat.models.nets.load import load_chat_model
from secretariat.models.pull import PullError, download, locate

Progress = Callable[[str], None]

_REPOSITORY = re.compile(r"\w[\w.-]*/[\w.-]+")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_EXPERT_FILES = (SETTINGS, WEIGHTS, TENSORS, MEANING)
_LICENCE = re.compile(r"^license:\s*(\S.*?)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Added:
    source: ModelSource
    directory: Path
    golden: Golden


def add(
    given: str,
    models_dir: Path,
    *,
    name: str | None = None,
    licence: str | None = None,
    revision: str = "main",
    progress: Progress = lambda _: None,
) -> Added:
    """`given`: a .gguf file, a directory with one or with config.json and safetensors, or a repository's id.

    Raises ModelError: "model_not_found" for what is none of these, "invalid_request" for a name that is taken or
    can't be one, "weights_missing" and "checkpoint_invalid" as of `load_chat_model`.
    """
    path = Path(given).expanduser()
    if not path.exists() and not _REPOSITORY.fullmatch(given):
        raise ModelError(
            "model_not_found",
            f"{given!r} is neither a file or directory here nor a Hugging Face repository (owner/name)",
        )
    name = _name(name or (path.stem if path.suffix == ".gguf" else path.name), models_dir)
    with _staged(models_dir, name) as staged:
        origins: tuple[Origin, ...] = ()
        if path.exists():
            copied(path, staged, progress)
        else:
            origins = (_fetch(HubRepository(given, revision), staged, progress),)
        base = _beside(staged, models_dir)
        progress("reading the configuration and every tensor's name and shape")
        checkpoint = open_checkpoint(staged)
        progress("hashing")
        source = ModelSource(
            name=name,
            kind="chat",
            architecture=checkpoint.architecture,
            files=files_of(staged),
            origins=origins,
            licence=licence or stated_licence(staged, checkpoint) or (base.licence if base else "unknown"),
            context_length=checkpoint.config.context_length,
            base=base.name if base else None,
        )
        read_team(staged)
        del checkpoint
        progress("running the golden prompt")
        golden = golden_of(load_chat_model(staged))
        write_golden(golden, staged)
        write_record(source, staged)
        target = staged.rename(models_dir / name)
    return Added(source, target, golden)


def _name(wanted: str, models_dir: Path) -> str:
    name = wanted.lower()
    if not _NAME.fullmatch(name):
        raise ModelError(
            "invalid_request", f"{name!r} can't be a model's name: choose one with --name", param="name"
        )
    if name in CATALOG or name in shipped() or (models_dir / name).exists():
        raise ModelError(
            "invalid_request", f"there is a model {name!r} already: choose another with --name", param="name"
        )
    return name


@contextmanager
def _staged(models_dir: Path, name: str) -> Iterator[Path]:
    models_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=models_dir) as scratch:
        staged = Path(scratch) / name
        staged.mkdir()
        yield staged


def copied(path: Path, staged: Path, progress: Progress) -> None:
    """Puts into `staged` what a checkpoint needs and nothing else that lies beside it."""
    for file in lone(path) if path.is_file() else _wanted_here(path):
        progress(f"copying {file.name}")
        shutil.copyfile(file, staged / file.name)
    for within in [] if path.is_file() else _experts_of(path):
        (staged / within).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path / within, staged / within)


def _beside(staged: Path, models_dir: Path) -> ModelSource | None:
    """The model that `staged` changes, put beside it as it will lie. None where it has weights of its own, or
    brings its base. Raises ModelError "weights_missing" where the base isn't there."""
    config = staged / CONFIG
    base = read_json(config).get("base") if config.is_file() else None
    if not isinstance(base, str) or Path(base).name != base or (staged / base).exists():
        return None
    try:
        directory = locate(base, models_dir)
    except ModelError as error:
        raise PullError(f"it changes {base}, which has to be there first: {error.message}") from error
    (staged.parent / base).symlink_to(directory.absolute())
    return find(base, models_dir)


def _experts_of(path: Path) -> list[Path]:
    """Files of the experts and of the router that a model brings, relative to it."""
    team = read_team(path)
    if team is None:
        return []
    folders = [path / ROUTER, *team.adapters.values()]
    files = [file for folder in folders for file in sorted(folder.glob("*")) if file.name in _EXPERT_FILES]
    return [Path(EXPERTS), *(file.relative_to(path) for file in files)]


def _wanted_here(directory: Path) -> list[Path]:
    names = wanted([path.name for path in sorted(directory.iterdir()) if path.is_file()])
    return [directory / name for name in names]


def _fetch(origin: HubRepository, staged: Path, progress: Progress) -> HubRepository:
    """Returns the origin pinned to the commit that was fetched."""
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise PullError(f"{origin.label} needs the package huggingface_hub") from error
    progress(f"asking the hub for {origin.label}")
    try:
        info = HfApi().model_info(origin.repository, revision=origin.revision)
    except Exception as error:  # its transport's errors come through as they are
        raise PullError(
            f"{origin.repository} is no file or directory here, and the hub has no {origin.label} or can't be"
            f" reached: {error}"
        ) from error
    pinned = HubRepository(origin.repository, info.sha or origin.revision)
    for name in wanted([entry.rfilename for entry in info.siblings or ()]):
        progress(f"fetching {name}")
        download(pinned, name, staged)
    shutil.rmtree(staged / ".cache", ignore_errors=True)
    return pinned


def files_of(staged: Path) -> tuple[ModelFile, ...]:
    """All that is in a folder, at any depth."""
    paths = sorted(path for path in staged.rglob("*") if path.is_file())
    return tuple(
        ModelFile(path.relative_to(staged).as_posix(), file_sha256(path), path.stat().st_size)
        for path in paths
    )


def stated_licence(staged: Path, checkpoint: Checkpoint) -> str | None:
    """In a GGUF file's metadata, or in the lines that model cards of the hub begin with."""
    if checkpoint.metadata is not None and (named := checkpoint.metadata.get("general.license")):
        return str(named)
    card = staged / "README.md"
    stated = _LICENCE.search(card.read_text(encoding="utf-8", errors="replace")) if card.is_file() else None
    return stated[1] if stated else None
