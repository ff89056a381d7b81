"""The rules of reading evidence: looking at content is itself on record."""

from uuid import UUID

from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import Resource
from secretariat.platform.audit.record import record as write_record
from secretariat.platform.compliance import repository
from secretariat.platform.compliance.repository import SealedRecord, StoredExport
from secretariat.platform.compliance.schemas import ExportRequest, RevealedContent
from secretariat.platform.contents.keyring import KeyMissingError
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import TenantSession
from secretariat.platform.jobs.queue import Subject, enqueue
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import rfc3339
from secretariat.platform.tables.audit import Export
from secretariat.platform.web.errors import ConflictError, NotFoundError


async def get_record(session: TenantSession, record_id: UUID) -> SealedRecord:
    found = await repository.record(session, record_id)
    if found is None:
        raise NotFoundError("audit record")
    return found


async def reveal(
    session: TenantSession, contents: ContentStore, caller: Caller, record_id: UUID
) -> list[RevealedContent]:
    """The words of a record. The look is recorded in the same transaction, so there is none without trace."""
    found = await get_record(session, record_id)
    await write_record(
        session,
        caller.did(
            "AUDIT_READ",
            "audit.content.reveal",
            Resource("audit_record", str(record_id)),
            task_id=found.record.task_id,
        ),
    )
    references = found.record.content
    try:
        words = await contents.get_many(session, [UUID(reference["ref"]) for reference in references])
    except KeyMissingError:
        words = {}
    return [_revealed(reference, words.get(UUID(reference["ref"]))) for reference in references]


def _revealed(reference: dict[str, str], words: bytes | None) -> RevealedContent:
    return RevealedContent(
        ref=UUID(reference["ref"]),
        role=reference["role"],
        media_type=reference["media_type"],
        text=words.decode(errors="replace") if words is not None else None,
        forgotten=words is None,
    )


async def request_export(session: TenantSession, caller: Caller, wanted: ExportRequest) -> StoredExport:
    row = Export(
        tenant_id=session.tenant_id,
        id=new_id(),
        window_from=wanted.window_from,
        window_to=wanted.window_to,
        requested_by=caller.user_id,
    )
    session.add(row)
    name = f"{wanted.window_from:%Y-%m-%d} to {wanted.window_to:%Y-%m-%d}"
    row.job_id = await enqueue(
        session,
        "compliance.export",
        Subject("export", row.id, name),
        queue="exports",
        requested_by=caller.user_id,
    )
    await write_record(
        session,
        caller.did(
            "EXPORT",
            "compliance.export.request",
            Resource("export", str(row.id)),
            details={"from": rfc3339(wanted.window_from), "to": rfc3339(wanted.window_to)},
        ),
    )
    return StoredExport(row, None)


async def get_export(session: TenantSession, export_id: UUID) -> StoredExport:
    found = await repository.export(session, export_id)
    if found is None:
        raise NotFoundError("export")
    return found


async def download(session: TenantSession, caller: Caller, export_id: UUID) -> UUID:
    """The blob to send; who took it is recorded. Raises ConflictError until the export is done."""
    found = await get_export(session, export_id)
    if found.blob is None:
        raise ConflictError(f"The export is {found.export.status}; its file comes when it is done.")
    await write_record(
        session,
        caller.did(
            "EXPORT",
            "compliance.export.download",
            Resource("export", str(export_id)),
            details={"sha256": found.blob.sha256, "bytes": found.blob.size},
        ),
    )
    return found.blob.id
