"""What changes a document that is there: a new file, another reading, other facts about it.

A document keeps its id, its collection and its grants through all of them. Takes the session first and never
commits.
"""

from typing import Any
from uuid import UUID

from secretariat.platform.access.caller import Caller
from secretariat.platform.db.session import TenantSession
from secretariat.platform.documents import repository
from secretariat.platform.documents.evidence import record_on
from secretariat.platform.documents.schemas import DocumentUpdate
from secretariat.platform.documents.service import INGEST, changeable
from secretariat.platform.documents.upload import IncomingFile
from secretariat.platform.jobs.queue import Subject, enqueue
from secretariat.platform.services import Services
from secretariat.platform.tables.documents import Document
from secretariat.platform.web.errors import ConflictError


class BeingReadError(ConflictError):
    code, title = "BEING_READ_IN", "The document is being read in"


async def replace(
    session: TenantSession, services: Services, caller: Caller, document_id: UUID, incoming: IncomingFile
) -> Document:
    """Another file in the place of the present one, whose bytes are forgotten.

    Until it is read in, the document is not found by searches. Raises NotFoundError, NotYoursError,
    BeingReadError.
    """
    found = await _at_rest(session, caller, document_id)
    before = found.sha256
    blob = await services.blobs.put(session, incoming.pieces(), incoming.media_type)
    await repository.forget_original(session, found)
    found.blob_id, found.size, found.sha256 = blob.id, blob.size, blob.sha256
    found.name, found.media_type = incoming.name, incoming.media_type
    await _read_again(session, caller, found)
    facts = {"sha256": blob.sha256, "bytes": blob.size, "replaced_sha256": before}
    await record_on(session, caller, "DATA_INGEST", "document.replaced", found, facts)
    return found


async def reprocess(session: TenantSession, caller: Caller, document_id: UUID) -> Document:
    """The same file, read in anew. Raises NotFoundError, NotYoursError, BeingReadError."""
    found = await _at_rest(session, caller, document_id)
    await _read_again(session, caller, found)
    await record_on(session, caller, "DATA_INGEST", "document.reprocessed", found, {"sha256": found.sha256})
    return found


async def update(
    session: TenantSession, caller: Caller, document_id: UUID, change: DocumentUpdate
) -> Document:
    """A new title goes into the log with the chunks: every index learns of its words. Vectors keep the title that
    they were made on.

    Raises NotFoundError, NotYoursError, BeingReadError.
    """
    found = await _at_rest(session, caller, document_id)
    facts: dict[str, Any] = {"fields": sorted(change.model_fields_set)}
    if change.title is not None and change.title != found.title:
        found.title = change.title
        facts["index_seq"] = await repository.renumber_chunks(session, found.id)
    if change.source is not None:
        found.source = change.source
    if "dated" in change.model_fields_set:
        found.dated = change.dated
    repository.touch(found, found.status)
    await record_on(session, caller, "DATA_INGEST", "document.updated", found, facts)
    return found


async def _read_again(session: TenantSession, caller: Caller, found: Document) -> None:
    found.problem = None
    subject = Subject("document", found.id, found.name)
    found.job_id = await enqueue(session, INGEST, subject, queue="documents", requested_by=caller.user_id)
    repository.touch(found, "queued")
    await session.flush()


async def _at_rest(session: TenantSession, caller: Caller, document_id: UUID) -> Document:
    """The document, locked: no reading of it is under way that would store what it was before."""
    found = await changeable(session, caller, document_id)
    if found.status not in ("ready", "rejected"):
        raise BeingReadError("Wait until it is read in, or cancel its job.")
    return found
