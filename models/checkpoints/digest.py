"""What a set of weights is called beyond its name: the SHA-256 of its file."""

import hashlib
from pathlib import Path


def weights_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
