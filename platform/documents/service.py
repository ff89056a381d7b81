"""Documents taken in, listed, counted, deleted. Takes the session first and never commits."""

from collections.abc import Sequence
from uuid import UUID

from secretariat.platform.access import grants
from secretariat.platform.access.caller import Caller
from secretariat.platform.adapters import repository as learnt
from secretariat.platform.adapters.erasure import erase
from secretariat.platform.db.session import TenantSession
from secretariat.platform.documents import repository
from secretariat.platform.documents.evidence import record_on
from secretariat.platform.documents.policies import changes
from secretariat.platform.documents.reading import document
from secretariat.platform.documents.repository import Counts, Listing
from secretariat.platform.documents.upload import IncomingFile
from secretariat.platform.indexes.chunk_log import tombstone_document
from secretariat.platform.indexes.repository import forget
from secretariat.platform.jobs.queue import Subject, enqueue
from secretariat.platform.jobs.repository import forget_name
from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from secretariat.platform.tables.documents import Document
from secretariat.platform.tables.jobs import Job
from secretariat.platform.web.errors import ForbiddenError, NotFoundError

INGEST = "documents.ingest"


class NotYoursError(ForbiddenError):
    code, title = "NOT_YOUR_DOCUMENT", "Only who uploaded it may change this document"


async def upload(
    session: TenantSession, services: Services, caller: Caller, collection_id: UUID, incoming: IncomingFile
) -> Document:
    """The file, its document, the job that reads it and the record of all that. Raises NotFoundError."""
    collection = await repository.collection(session, collection_id, caller.principals, lock="share")
    if collection is None:
        raise NotFoundError("collection")
    blob = await services.blobs.put(session, incoming.pieces(), incoming.media_type)
    document = Document(
        tenant_id=session.tenant_id,
        id=new_id(),
        collection_id=collection.id,
        name=incoming.name,
        media_type=incoming.media_type,
        size=blob.size,
        sha256=blob.sha256,
        blob_id=blob.id,
        created_by=caller.user_id,
    )
    await repository.add(session, document)
    subject = Subject("document", document.id, document.name)
    document.job_id = await enqueue(session, INGEST, subject, queue="documents", requested_by=caller.user_id)
    facts = {"collection_id": str(collection.id), "sha256": blob.sha256, "bytes": blob.size}
    await record_on(session, caller, "DATA_INGEST", "document.uploaded", document, facts)
    return document


async def listed(
    session: TenantSession, caller: Caller, wanted: Listing, *, limit: int, after: UUID | None
) -> list[Document]:
    return await repository.documents(session, caller.principals, wanted, limit=limit, after=after)


async def counted(session: TenantSession, caller: Caller, collection_id: UUID | None) -> Counts:
    """How many documents that the caller may read have which value; others count nowhere."""
    return await repository.facets(session, caller.principals, collection_id)


async def jobs_of(session: TenantSession, rows: Sequence[Document]) -> dict[UUID, Job]:
    """The jobs of documents that are not finished, by document."""
    waiting = {row.id: row.job_id for row in rows if row.status in ("queued", "processing") and row.job_id}
    jobs = await repository.jobs(session, list(waiting.values()))
    return {document_id: jobs[job_id] for document_id, job_id in waiting.items() if job_id in jobs}


async def changeable(session: TenantSession, caller: Caller, document_id: UUID) -> Document:
    """The document, locked, for a caller who may change it. Raises NotFoundError, NotYoursError."""
    await document(session, caller, document_id)
    found = await repository.locked_document(session, document_id)
    if found is None or found.status == "deleted":
        raise NotFoundError("document")
    if not changes(caller, found):
        raise NotYoursError("Ask who uploaded it, or somebody who manages collections.")
    return found


async def delete(session: TenantSession, services: Services, caller: Caller, document_id: UUID) -> None:
    """The words, the vectors and the original are forgotten; the records' commitments stay. Raises NotFoundError,
    NotYoursError."""
    found = await changeable(session, caller, document_id)
    chunks = await tombstone_document(session, found.id)
    words = [stored for stored in (found.text_id, found.layout_id) if stored is not None]
    found.text_id = found.layout_id = found.title = found.language = found.dated = None
    found.pages, found.notes, found.problem, found.chunk_count = [], [], None, 0
    repository.touch(found, "deleted")
    erased = await erase(session, caller, learnt.of_document(found.id))
    await session.flush()
    await forget(session, [*words, *erased.words])
    await repository.forget_original(session, found)
    await grants.revoke_all(session, "document", found.id)
    await forget_name(session, found.id)
    services.indexes.forget_after_commit(session)
    facts = {"chunks": chunks} | ({"training_examples": erased.examples} if erased.examples else {})
    await record_on(session, caller, "DATA_INGEST", "document.deleted", found, facts)
