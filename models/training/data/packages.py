"""Debian packages as files: what a package is called and the pages it carries, read in memory.

Owns the archive format (ar of two tar files, deb(5)). Knows nothing of what pages say.
"""

import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from secretariat.models.errors import ModelError

_MAGIC = b"!<arch>\n"
_HEADER_BYTES = 60


@dataclass(frozen=True, slots=True)
class Package:
    """`version` as Debian writes it. `files`: path inside the package to bytes, those that were asked for."""

    name: str
    version: str
    files: Mapping[str, bytes]


def read_package(path: Path, suffix: str = ".html") -> Package:
    """The regular files whose path ends with `suffix`. Raises ModelError("invalid_request")."""
    try:
        parts = dict(_members(path.read_bytes()))
        control = _control(_part(parts, "control.tar"))
        files = dict(_files(_part(parts, "data.tar"), suffix))
        return Package(control["Package"], control["Version"], files)
    except (OSError, KeyError, ValueError, EOFError, tarfile.TarError) as error:
        raise ModelError("invalid_request", f"{path.name} is no readable Debian package: {error}") from error


def _members(content: bytes) -> Iterator[tuple[str, bytes]]:
    if not content.startswith(_MAGIC):
        raise ValueError("it doesn't begin as an archive")
    at = len(_MAGIC)
    while at + _HEADER_BYTES <= len(content):
        header = content[at : at + _HEADER_BYTES]
        size = int(header[48:58])
        at += _HEADER_BYTES
        yield header[:16].decode().rstrip(" /"), content[at : at + size]
        at += size + size % 2


def _part(parts: Mapping[str, bytes], begins: str) -> bytes:
    name = next((name for name in parts if name.startswith(begins)), None)
    if name is None:
        raise ValueError(f"it has no {begins}")
    return parts[name]


def _control(archive: bytes) -> dict[str, str]:
    text = next(content for _, content in _files(archive, "control")).decode()
    lines = (line.partition(":") for line in text.splitlines() if not line.startswith((" ", "\t")))
    return {name: value.strip() for name, _, value in lines}


def _files(archive: bytes, suffix: str) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r|*") as members:
        for member in members:
            if member.isreg() and member.name.endswith(suffix):
                content = members.extractfile(member)
                assert content is not None
                yield member.name.removeprefix("./"), content.read()
