"""The export file: a zip of records.jsonl and manifest.json, and its verification without any server.

One line of records.jsonl is {"seq", "prev_hash", "hash", "record"} in canonical JSON. The numbers are gapless
within a file; the first line continues `first_prev_hash`, and `last_hash` is what the next file must continue.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from secretariat.platform.audit.chain import Break, Link, first_break, genesis
from secretariat.platform.kit.canonical import canonical

FORMAT = "secretariat-audit-export/1"
RECORDS, MANIFEST = "records.jsonl", "manifest.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same records give the same bytes, whenever they are exported


class BundleInvalidError(Exception):
    """The file is not an export, or not whole; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Manifest:
    format: str
    tenant_id: str
    window_from: str
    window_to: str
    records: int
    first_seq: int
    last_seq: int
    first_prev_hash: str
    last_hash: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class BundleVerdict:
    """`complete_from_start` is true when the chain is shown from its very beginning."""

    manifest: Manifest
    records: int
    first_bad: Break | None

    @property
    def verified(self) -> bool:
        return self.first_bad is None

    @property
    def complete_from_start(self) -> bool:
        return self.manifest.first_prev_hash == genesis(UUID(self.manifest.tenant_id))


async def write_bundle(
    path: Path, tenant_id: UUID, window: tuple[str, str], links: AsyncIterator[Link], first_prev_hash: str
) -> Manifest:
    """Write the zip at `path` record by record and return its manifest."""
    digest, size, count = hashlib.sha256(), 0, 0
    first_seq = last_seq = 0
    last_hash = first_prev_hash
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(zipfile.ZipInfo(RECORDS, _EPOCH), "w", force_zip64=True) as lines:
            async for link in links:
                line = canonical(asdict(link)) + b"\n"
                lines.write(line)
                digest.update(line)
                size, count = size + len(line), count + 1
                first_seq, last_seq, last_hash = first_seq or link.seq, link.seq, link.hash
        manifest = Manifest(
            format=FORMAT,
            tenant_id=str(tenant_id),
            window_from=window[0],
            window_to=window[1],
            records=count,
            first_seq=first_seq,
            last_seq=last_seq,
            first_prev_hash=first_prev_hash,
            last_hash=last_hash,
            sha256=digest.hexdigest(),
            bytes=size,
        )
        archive.writestr(zipfile.ZipInfo(MANIFEST, _EPOCH), json.dumps(asdict(manifest), indent=2))
    return manifest


def verify_bundle(path: Path) -> BundleVerdict:
    """Recompute everything that the file claims. Raises BundleInvalidError when it can't even be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _manifest(archive)
            count, last_hash, broken = first_break(
                _links(archive), manifest.first_prev_hash, manifest.first_seq or 1
            )
            broken = broken or _disagreement(archive, manifest, count, last_hash)
    except (OSError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise BundleInvalidError(f"{path} is not a readable audit export: {error}") from error
    return BundleVerdict(manifest, count, broken)


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    try:
        fields: dict[str, Any] = json.loads(archive.read(MANIFEST))
        manifest = Manifest(**fields)
    except (ValueError, TypeError) as error:
        raise BundleInvalidError(f"{MANIFEST} is malformed: {error}") from error
    if manifest.format != FORMAT:
        raise BundleInvalidError(f"unknown format {manifest.format!r}; this program reads {FORMAT!r}")
    return manifest


def _links(archive: zipfile.ZipFile) -> Iterator[Link]:
    with archive.open(RECORDS) as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield Link(**json.loads(line))
            except (ValueError, TypeError) as error:
                raise BundleInvalidError(f"line {number} of {RECORDS} is malformed: {error}") from error


def _disagreement(archive: zipfile.ZipFile, manifest: Manifest, count: int, last_hash: str) -> Break | None:
    """Where records and manifest tell different stories."""
    if count != manifest.records:
        return Break(manifest.last_seq, f"{manifest.records} records are declared and {count} are there")
    if count and last_hash != manifest.last_hash:
        return Break(manifest.last_seq, "the last hash is not the declared one")
    with archive.open(RECORDS) as lines:
        if hashlib.file_digest(lines, "sha256").hexdigest() != manifest.sha256:  # type: ignore[arg-type]
            return Break(manifest.last_seq, f"{RECORDS} does not have the declared SHA-256")
    return None
