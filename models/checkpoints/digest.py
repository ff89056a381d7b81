"""What a set of weights is called beyond its name."""

import hashlib
from collections.abc import Sequence
from pathlib import Path


def file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def weights_sha256(paths: Sequence[Path]) -> str:
    """Of one file its SHA-256; of several the SHA-256 of the lines "<SHA-256>  <name>" in order, as sha256sum
    prints them."""
    if len(paths) == 1:
        return file_sha256(paths[0])
    lines = "".join(f"{file_sha256(path)}  {path.name}\n" for path in paths)
    return hashlib.sha256(lines.encode()).hexdigest()
