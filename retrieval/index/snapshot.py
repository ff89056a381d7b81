"""A view on disk, so that a start needn't replay the whole log. Owns the file format and its safety.

A snapshot holds words, so it is sealed before it touches the disk. It is a cache: one that is missing, torn,
foreign or unreadable is as good as none, and the log rebuilds the view.
"""

import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from secretariat.retrieval.core import Chunk, Span

_MAGIC = b"SECRIDX1"
_DIGEST = 32
_ABANDONED_SECONDS = 3600
_log = logging.getLogger(__name__)

Seal = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """Where one tenant's snapshot lies and what seals it. Unseal raises when the key is wrong."""

    path: Path
    tenant: UUID
    seal: Seal
    unseal: Seal

    def write(self, seq: int, chunks: Iterable[Chunk]) -> None:
        """Either the old file or the whole new one is there, whenever the machine stops."""
        sealed = self.seal(_encoded(self.tenant, seq, list(chunks)))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.{os.getpid()}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + hashlib.sha256(sealed).digest() + sealed)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(name).unlink()
            raise
        _sync_directory(self.path.parent)
        self._sweep()

    def read(self) -> tuple[int, list[Chunk]] | None:
        """(seq, chunks in order of seq), or None when there is nothing to be trusted."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return None
        sealed = data[len(_MAGIC) + _DIGEST :]
        if data[: len(_MAGIC) + _DIGEST] != _MAGIC + hashlib.sha256(sealed).digest():
            _log.warning("index snapshot is damaged; the index is rebuilt from the log")
            return None
        try:
            return _decoded(self.unseal(sealed), self.tenant)
        except Exception as error:  # noqa: BLE001 - whatever ails a cache, the log rebuilds it
            _log.warning("index snapshot can't be used (%s); rebuilding from the log", type(error).__name__)
            return None

    def drop(self) -> None:
        """There is none any more."""
        self.path.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """What writers that were killed left behind; the files of writers at work are younger."""
        for leftover in self.path.parent.glob(f".{self.path.name}.*"):
            with suppress(FileNotFoundError):
                if time.time() - leftover.stat().st_mtime > _ABANDONED_SECONDS:
                    leftover.unlink()


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _encoded(tenant: UUID, seq: int, chunks: Sequence[Chunk]) -> bytes:
    """Length of the header (8 bytes, big-endian), the header as JSON, then the vectors one after another."""
    header = {"tenant": str(tenant), "seq": seq, "chunks": [_record(chunk) for chunk in chunks]}
    encoded = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    return len(encoded).to_bytes(8, "big") + encoded + b"".join(chunk.vector for chunk in chunks)


def _record(chunk: Chunk) -> list[Any]:
    return [
        str(chunk.id), str(chunk.collection_id), str(chunk.document_id), chunk.document_title, chunk.ordinal,
        chunk.span.start, chunk.span.end, chunk.text, chunk.heading_path, chunk.sha256, chunk.seq, chunk.page,
        len(chunk.vector),
    ]  # fmt: skip


def _decoded(data: bytes, tenant: UUID) -> tuple[int, list[Chunk]]:
    size = int.from_bytes(data[:8], "big")
    header = json.loads(data[8 : 8 + size])
    if header["tenant"] != str(tenant):
        raise ValueError("a snapshot of another tenant")
    chunks: list[Chunk] = []
    offset = 8 + size
    for record in header["chunks"]:
        *fields, length = record
        chunks.append(_chunk(fields, data[offset : offset + length]))
        offset += length
    return int(header["seq"]), chunks


def _chunk(fields: Sequence[Any], vector: bytes) -> Chunk:
    chunk_id, collection, document, title, ordinal, start, end, text, headings, digest, seq, page = fields
    return Chunk(
        id=UUID(chunk_id),
        collection_id=UUID(collection),
        document_id=UUID(document),
        document_title=title,
        ordinal=ordinal,
        span=Span(start, end),
        text=text,
        heading_path=tuple(headings),
        sha256=digest,
        vector=vector,
        seq=seq,
        page=page,
    )
