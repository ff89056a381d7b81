"""Writing an export: seal what is committed, copy the chain of the window into a file, keep the file."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from secretariat.platform.audit import repository as chain
from secretariat.platform.audit.chain import Link, genesis
from secretariat.platform.audit.event import SYSTEM, AuditEvent, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.audit.sealer import seal_tenant
from secretariat.platform.compliance import repository
from secretariat.platform.compliance.bundle import Manifest, write_bundle
from secretariat.platform.contents.blobs import PIECE_BYTES
from secretariat.platform.db.session import TenantSession
from secretariat.platform.jobs.errors import JobCancelledError, JobFailedError
from secretariat.platform.jobs.run import JobRun
from secretariat.platform.kit.times import now, rfc3339
from secretariat.platform.tables.audit import Export

MEDIA_TYPE = "application/zip"


async def export(run: JobRun) -> None:
    """Written to a temporary file first: the blob appears whole, in the commit that says it is done."""
    if await run.cancelled():
        await _end(run, {"code": "CANCELLED", "message": "The export was cancelled before it began."})
        raise JobCancelledError
    await seal_tenant(run.services.database, run.tenant_id)
    async with run.session() as session:
        row = await _row(session, run)
        if row.status == "done":  # by an attempt that was lost after its last commit
            return
        row.status, row.finished_at, row.error = "running", None, None
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "export.zip"
        async with run.session() as session:
            manifest = await _write(session, await _row(session, run), path)
        async with run.session() as session:
            await _keep(session, run, path, manifest)


async def _write(session: TenantSession, row: Export, path: Path) -> Manifest:
    window = (rfc3339(row.window_from), rfc3339(row.window_to))
    numbers = await repository.seq_range(session, row.window_from, row.window_to)
    if numbers is None:
        return await write_bundle(path, session.tenant_id, window, _none(), genesis(session.tenant_id))
    low, high = numbers
    before = await chain.hash_at(session, low - 1) if low > 1 else genesis(session.tenant_id)
    if before is None:
        raise JobFailedError("CHAIN_BROKEN", f"Seal {low - 1} is missing; run the verification.")
    return await write_bundle(path, session.tenant_id, window, chain.links(session, low, high), before)


async def _keep(session: TenantSession, run: JobRun, path: Path, manifest: Manifest) -> None:
    row = await _row(session, run)
    blob = await run.services.blobs.put(session, _pieces(path), MEDIA_TYPE)
    row.blob_id, row.records, row.status, row.finished_at = blob.id, manifest.records, "done", now()
    await record(
        session,
        AuditEvent(
            event_type="EXPORT",
            action="compliance.export.complete",
            actor=SYSTEM,
            resource=Resource("export", str(row.id)),
            details={
                "records": manifest.records,
                "first_seq": manifest.first_seq,
                "last_seq": manifest.last_seq,
                "last_hash": manifest.last_hash,
                "sha256": blob.sha256,
            },
        ),
    )


async def on_quarantine(run: JobRun) -> None:
    await _end(run, {"code": "EXPORT_FAILED", "message": "The export failed repeatedly. Ask for it again."})


async def _end(run: JobRun, error: dict[str, str]) -> None:
    async with run.session() as session:
        row = await _row(session, run)
        row.status, row.finished_at, row.error = "failed", now(), error


async def _row(session: TenantSession, run: JobRun) -> Export:
    found = await repository.export(session, run.subject_id)
    if found is None:
        raise JobFailedError("NOT_FOUND", "The export does not exist any more.")
    return found.export


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield piece


async def _none() -> AsyncIterator[Link]:
    return
    yield
