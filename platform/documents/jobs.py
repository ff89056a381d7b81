"""Reading a document in, in the background: its file becomes text, chunks and vectors in one commit."""

import asyncio
from dataclasses import asdict, replace
from tempfile import TemporaryFile
from typing import Any

from secretariat.models.core import CallContext
from secretariat.models.errors import ModelError
from secretariat.platform.audit.event import SYSTEM, AuditEvent, Outcome, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.db.session import TenantSession
from secretariat.platform.documents import repository
from secretariat.platform.documents.errors import (
    GaveUpError,
    IngestionCancelledError,
    UnembeddableError,
    problem_at,
    refusal,
)
from secretariat.platform.documents.layout import stored_layout
from secretariat.platform.documents.originals import lay_out
from secretariat.platform.indexes.chunk_log import known_vectors, store_chunks, tombstone_document
from secretariat.platform.indexes.repository import forget
from secretariat.platform.jobs.errors import JobCancelledError
from secretariat.platform.jobs.run import JobRun
from secretariat.platform.kit.times import now
from secretariat.platform.tables.documents import Document
from secretariat.platform.web.errors import PlatformError
from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.ingest import Ingested, KnownVector
from secretariat.retrieval.ingest import ingest as read_in
from secretariat.retrieval.parse import DEFAULT_LIMITS

_OPEN = ("queued", "processing", "rejected")


async def ingest(run: JobRun) -> None:
    """Repeating it does no harm: in one commit, the document comes to say what its file says now. Chunks that say
    what they said before stay as they are, with their ids and vectors."""
    async with run.session() as session:
        document = await _locked(run, session)
        if document is None:
            return
        document.problem = None
        repository.touch(document, "processing")
        known = await known_vectors(session, run.services.contents, document.id)
    try:
        read = await _read(run, document, known)
    except DocumentRejectedError as rejection:
        await _reject(run, refusal(rejection))
        return
    except ModelError as error:
        if error.retryable:
            raise
        await _reject(run, UnembeddableError(f"The embedding model refuses it ({error.code})."))
        return
    except JobCancelledError:
        await _reject(run, IngestionCancelledError("Retry the job, or upload the file again."))
        raise
    async with run.session() as session:
        current = await _locked(run, session)
        if current is not None:
            await _store(run, session, current, read)


async def on_quarantine(run: JobRun) -> None:
    """Every attempt failed: say so at the document."""
    await _reject(
        run,
        GaveUpError("Reading the document in failed several times. Ask an administrator to retry the job."),
    )


async def _locked(run: JobRun, session: TenantSession) -> Document | None:
    """The document, if it still waits for this job: a later version of its file is another job's."""
    document = await repository.locked_document(session, run.subject_id)
    if document is None or document.status not in _OPEN or document.job_id != run.job_id:
        return None
    return document


async def _read(run: JobRun, document: Document, known: KnownVector) -> Ingested:
    async def progress(done: int, total: int) -> None:
        if await run.progress(done, total):
            raise JobCancelledError

    if await run.cancelled():
        raise JobCancelledError
    place = run.services.settings.home  # where the file has no name: nothing is left of it
    with await asyncio.to_thread(lambda: TemporaryFile(dir=place)) as original:
        await lay_out(run.services, document, original)
        return await read_in(
            original,
            document.name,
            document.media_type,
            embedder=run.services.models,
            counter=run.services.models,
            known=known,
            call=CallContext(tenant=str(run.tenant_id), request_id=f"job-{run.job_id}"),
            progress=progress,
            limits=replace(DEFAULT_LIMITS, file_bytes=run.services.settings.max_upload_bytes),
        )


async def _store(run: JobRun, session: TenantSession, document: Document, read: Ingested) -> None:
    parsed, contents = read.document, run.services.contents
    renamed = document.title != parsed.title
    stale = [stored for stored in (document.text_id, document.layout_id) if stored is not None]
    layout = stored_layout(parsed)
    document.text_id = (await contents.put(session, parsed.text)).id
    document.layout_id = (await contents.put_json(session, layout)).id if layout is not None else None
    document.title, document.language, document.dated = parsed.title, parsed.language, parsed.dated
    document.pages = [
        {"number": page.number, "start": page.span.start, "end": page.span.end} for page in parsed.pages
    ]
    document.notes = [asdict(note) for note in parsed.notes]
    document.problem, document.chunk_count = None, len(read.chunks)
    repository.touch(document, "ready")
    await session.flush()
    await forget(session, stale)
    change = await store_chunks(session, contents, document, read.chunks, basis=read.basis, renamed=renamed)
    facts = {
        "chunks": len(read.chunks),
        "characters": len(parsed.text),
        "index_seq": change.seq,
        "kept": change.kept,
        "moved": change.moved,
        "added": change.added,
        "removed": change.removed,
        "embedded": read.embedded,
        "embedder": {
            "name": read.model.name,
            "weights_sha256": read.model.weights_sha256,
            "form": read.model.dtype,
        },
    }
    await _record(run, session, document, "document.ready", "success", facts)


async def _reject(run: JobRun, error: PlatformError) -> None:
    """What an earlier version of the file said goes: it is not what the document says now."""
    async with run.session() as session:
        document = await _locked(run, session)
        if document is None:
            return
        removed = await tombstone_document(session, document.id)
        words = [stored for stored in (document.text_id, document.layout_id) if stored is not None]
        document.text_id = document.layout_id = document.title = document.language = document.dated = None
        document.pages, document.notes, document.chunk_count = [], [], 0
        document.problem = problem_at(document.id, error, run.job_id).model_dump()
        repository.touch(document, "rejected")
        await session.flush()
        await forget(session, words)
        if removed:
            run.services.indexes.forget_after_commit(session)
        facts = {"code": error.code, "removed": removed}
        await _record(run, session, document, "document.rejected", "failure", facts)


async def _record(
    run: JobRun,
    session: TenantSession,
    document: Document,
    action: str,
    outcome: Outcome,
    details: dict[str, Any],
) -> None:
    requested_by = str(run.requested_by) if run.requested_by else None
    await record(
        session,
        AuditEvent(
            event_type="DATA_INGEST",
            action=action,
            actor=SYSTEM,
            outcome=outcome,
            resource=Resource("document", str(document.id), document.name),
            details={
                "job_id": str(run.job_id),
                "attempt": run.attempt,
                "requested_by": requested_by,
                "seconds_since_upload": round((now() - document.created_at).total_seconds(), 3),
                **details,
            },
        ),
    )
