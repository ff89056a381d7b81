"""What a set of weights is called beyond its name."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path


def file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def weights_sha256(paths: Sequence[Path]) -> str:
    """As `joint_sha256` of these files."""
    return joint_sha256({path.name: file_sha256(path) for path in paths})


def joint_sha256(hashes: Mapping[str, str]) -> str:
    """`hashes`: SHA-256 by name. Of one file its own; of several the SHA-256 of the lines "<SHA-256>  <name>" in
    order, as sha256sum prints them."""
    if len(hashes) == 1:
        return next(iter(hashes.values()))
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in hashes.items())
    return hashlib.sha256(lines.encode()).hexdigest()
