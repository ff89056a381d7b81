"""A view on disk, so that a start needn't replay the whole log. Owns the file formats and their safety.

A snapshot is a manifest and the blocks that it names, a file each. Blocks never change, so the next snapshot
writes those that are new and shares the rest. Words and vectors are both sealed before they touch the disk;
a load maps a file and opens it from there. Which snapshots count, and their checksums, stand in a register
beside the log. A snapshot is a cache: one that is missing, torn, foreign or unreadable is as good as none.
"""

import hashlib
import json
import logging
import mmap
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray

from secretariat.retrieval.index.approximate import Approximate, Shape
from secretariat.retrieval.index.block import FACTS, Block
from secretariat.retrieval.index.packing import packed, unpacked
from secretariat.retrieval.index.postings import Postings

_ABANDONED_SECONDS = 3600
_BLOCK, _SHAPE, _MANIFEST = ".block", ".shape", ".index"
_log = logging.getLogger(__name__)

Seal = Callable[[bytes, bytes], bytes]
"""(plain bytes, context) to sealed ones."""
Unseal = Callable[[bytes | mmap.mmap, bytes], bytes]
"""(sealed bytes, context) to plain ones. Raises where the context or the key is another."""


@dataclass(frozen=True, slots=True)
class SnapshotRecord:
    """A snapshot that counts. `sha256` is the sealed manifest's, hex; `size` is of all its files, in bytes."""

    id: UUID
    seq: int
    sha256: str
    size: int


class SnapshotRegister(Protocol):
    """Which snapshots of one tenant count here, kept as safely as the log itself."""

    async def known(self) -> Sequence[SnapshotRecord]:
        """The newest first."""
        ...

    async def add(self, record: SnapshotRecord) -> None: ...

    async def remove(self, ids: Sequence[UUID]) -> None: ...


@dataclass(frozen=True, slots=True)
class Stored:
    """What a snapshot holds."""

    seq: int
    blocks: tuple[Block, ...]
    shape: Shape | None


@dataclass(frozen=True, slots=True)
class SnapshotFiles:
    """Where one tenant's snapshots lie and what seals them."""

    directory: Path
    tenant: UUID
    seal: Seal
    unseal: Unseal

    def write(self, seq: int, blocks: Sequence[Block], near: Approximate | None) -> SnapshotRecord:
        """Every file is whole or not there, whenever the machine stops; none counts until it is registered."""
        self.directory.mkdir(parents=True, exist_ok=True)
        shape = None
        if near is not None:
            shape = uuid4()
            self._put(shape, _SHAPE, _shape_bytes(near.shape))
        manifest = {
            "seq": seq,
            "blocks": [str(block.name) for block in blocks],
            "shape": shape and str(shape),
        }
        made = uuid4()
        digest = self._put(made, _MANIFEST, json.dumps(manifest).encode())
        size = self._size(made, _MANIFEST) + (self._size(shape, _SHAPE) if shape else 0)
        self.mend(blocks)
        size += sum(self._size(block.name, _BLOCK) for block in blocks)
        return SnapshotRecord(made, seq, digest, size)

    def mend(self, blocks: Sequence[Block]) -> None:
        """Write the blocks that aren't there: new ones, and those that another process dropped meanwhile, with
        an older snapshot that they were part of."""
        for block in blocks:
            if not self._size(block.name, _BLOCK):
                self._put(block.name, _BLOCK, _block_bytes(block))
        _sync_directory(self.directory)

    def read(self, record: SnapshotRecord, executor: Executor | None = None) -> Stored | None:
        """What the record promises, or None when that isn't there to be trusted."""
        try:
            manifest = self._manifest(record)
            names = [UUID(name) for name in manifest["blocks"]]
            blocks = tuple((executor.map if executor else map)(self._block, names))
            shape = self._shape(UUID(manifest["shape"])) if manifest["shape"] else None
            return Stored(manifest["seq"], blocks, shape)
        except Exception as error:  # noqa: BLE001 - whatever ails a cache, the log rebuilds it
            _log.warning("index snapshot can't be used (%s)", type(error).__name__)
            return None

    def drop(self, records: Iterable[SnapshotRecord], kept: Sequence[SnapshotRecord]) -> None:
        """Delete the files of some snapshots, but for those that are part of the kept ones, and leftovers."""
        needed = {path for record in kept for path in self._files(record)}
        for record in records:
            for path in {*self._files(record)} - needed:
                path.unlink(missing_ok=True)
        self._sweep(needed)

    def _sweep(self, needed: set[Path]) -> None:
        """What writers that were killed left behind; the files of writers at work are younger."""
        for path in self.directory.glob("*"):
            with suppress(FileNotFoundError):
                if path not in needed and time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                    path.unlink()

    def _files(self, record: SnapshotRecord) -> Iterator[Path]:
        yield self._path(record.id, _MANIFEST)
        with suppress(Exception):  # of a manifest that can't be read, the files are leftovers
            yield from self._members(self._manifest(record))

    def _members(self, manifest: dict[str, Any]) -> Iterator[Path]:
        yield from (self._path(UUID(name), _BLOCK) for name in manifest["blocks"])
        if manifest["shape"]:
            yield self._path(UUID(manifest["shape"]), _SHAPE)

    def _manifest(self, record: SnapshotRecord) -> dict[str, Any]:
        sealed = self._path(record.id, _MANIFEST).read_bytes()
        if hashlib.sha256(sealed).hexdigest() != record.sha256:
            raise ValueError("the manifest isn't the one that was registered")
        found: dict[str, Any] = json.loads(self.unseal(sealed, self._context(record.id)))
        return found

    def _block(self, name: UUID) -> Block:
        return _block_of(name, *unpacked(self._get(name, _BLOCK)))

    def _shape(self, name: UUID) -> Shape:
        header, arrays = unpacked(self._get(name, _SHAPE))
        return Shape(
            arrays["centres"], arrays["ranges"], arrays["lists"], header["look_at"], header["trained_on"]
        )

    def _size(self, name: UUID, suffix: str) -> int:
        """0 where there is none."""
        with suppress(FileNotFoundError):
            return self._path(name, suffix).stat().st_size
        return 0

    def _path(self, name: UUID, suffix: str) -> Path:
        return self.directory / f"{name}{suffix}"

    def _context(self, name: UUID) -> bytes:
        """Binds a file to its tenant and name: no other can be put in its place."""
        return self.tenant.bytes + name.bytes

    def _get(self, name: UUID, suffix: str) -> bytes:
        with (
            self._path(name, suffix).open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as sealed,
        ):
            return self.unseal(sealed, self._context(name))

    def _put(self, name: UUID, suffix: str, data: bytes) -> str:
        """The SHA-256 of what was written, hex."""
        sealed = self.seal(data, self._context(name))
        handle, temporary = tempfile.mkstemp(dir=self.directory, prefix=f".{name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self._path(name, suffix))
        except BaseException:
            with suppress(FileNotFoundError):
                Path(temporary).unlink()
            raise
        return hashlib.sha256(sealed).hexdigest()


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _block_bytes(block: Block) -> bytes:
    postings = block.postings
    header = {"titles": block.titles, "paths": block.paths}
    arrays: dict[str, NDArray[Any]] = {
        "vectors": block.vectors,
        "facts": block.facts.view(np.uint8),
        "ends": block.ends,
        "starts": postings.starts,
        "lengths": postings.lengths,
        "rows": postings.rows,
        "counts": postings.counts,
        "terms": np.frombuffer("\n".join(postings.terms).encode(), dtype=np.uint8),
        "texts": np.frombuffer(block.texts, dtype=np.uint8),
    }
    return packed(header, arrays)


def _block_of(name: UUID, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Block:
    terms = arrays["terms"].tobytes().decode()
    postings = Postings(
        tuple(terms.split("\n")) if terms else (),
        arrays["starts"],
        arrays["rows"],
        arrays["counts"],
        arrays["lengths"],
    )
    return Block(
        arrays["facts"].view(FACTS),
        arrays["vectors"],
        postings,
        arrays["texts"].tobytes(),
        arrays["ends"],
        tuple(header["titles"]),
        tuple(map(tuple, header["paths"])),
        name,
    )


def _shape_bytes(shape: Shape) -> bytes:
    arrays = {"centres": shape.centres, "ranges": shape.ranges, "lists": shape.lists}
    return packed({"look_at": shape.look_at, "trained_on": shape.trained_on}, arrays)
