"""Audit log, verification and exports over HTTP."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, status
from fastapi.responses import StreamingResponse

from secretariat.platform.audit.event import EventType, Outcome
from secretariat.platform.audit.verify import verify
from secretariat.platform.compliance import repository, service
from secretariat.platform.compliance.jobs import MEDIA_TYPE
from secretariat.platform.compliance.repository import RecordFilter, SealedRecord, StoredExport
from secretariat.platform.compliance.schemas import (
    AuditRecordView,
    ChainBreak,
    ChainHead,
    ChainVerdict,
    ExportRequest,
    ExportView,
    Integrity,
    RecordContent,
)
from secretariat.platform.identity.callers import (
    AuditContentRead,
    AuditRead,
    ComplianceExport,
    TenantSessionDep,
)
from secretariat.platform.services import Services
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import InvalidError, problem_responses
from secretariat.platform.web.pages import Page, PageQueryDep, page_of
from secretariat.platform.web.routing import api_router

audit_router = api_router("audit", "/api/v1/audit")
exports_router = api_router("compliance", "/v1/compliance")


def _filter(
    event_type: Annotated[list[EventType] | None, Query(description="Repeat for several.")] = None,
    actor_id: UUID | None = None,
    task_id: UUID | None = None,
    outcome: Outcome | None = None,
    created_gte: Annotated[datetime | None, Query(alias="created_at[gte]")] = None,
    created_lt: Annotated[datetime | None, Query(alias="created_at[lt]")] = None,
) -> RecordFilter:
    return RecordFilter(tuple(event_type or ()), actor_id, task_id, outcome, created_gte, created_lt)


@audit_router.get("/records", operation_id="list_audit_records")
async def list_records(
    _caller: AuditRead,
    session: TenantSessionDep,
    page: PageQueryDep,
    wanted: Annotated[RecordFilter, Depends(_filter)],
) -> Page[AuditRecordView]:
    return page_of(await repository.records(session, wanted, page), page.limit, _record_view)


@audit_router.get("/records/{record_id}", operation_id="get_audit_record", responses=problem_responses(404))
async def get_record(_caller: AuditRead, session: TenantSessionDep, record_id: UUID) -> AuditRecordView:
    return _record_view(await service.get_record(session, record_id))


@audit_router.get(
    "/records/{record_id}/content", operation_id="reveal_audit_content", responses=problem_responses(404)
)
async def reveal_content(
    caller: AuditContentRead, session: TenantSessionDep, services: ServicesDep, record_id: UUID
) -> RecordContent:
    revealed = await service.reveal(session, services.contents, caller, record_id)
    return RecordContent(record_id=record_id, content=revealed)


@audit_router.get("/verify", operation_id="verify_audit_chain")
async def verify_chain(
    _caller: AuditRead,
    session: TenantSessionDep,
    from_seq: Annotated[int, Query(ge=1, lt=2**63)] = 1,
    to_seq: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> ChainVerdict:
    verdict = await verify(session, from_seq, to_seq)
    if from_seq > max(verdict.head_seq, 1):
        raise InvalidError(f"The chain ends at record {verdict.head_seq}; from_seq lies beyond it.")
    return ChainVerdict(
        verified=verdict.verified,
        records=verdict.records,
        head=ChainHead(seq=verdict.head_seq, hash=verdict.head_hash, at=verdict.head_at),
        unsealed=verdict.unsealed,
        first_bad=ChainBreak(**asdict(verdict.first_bad)) if verdict.first_bad else None,
    )


@exports_router.post("/exports", status_code=status.HTTP_202_ACCEPTED, operation_id="create_export")
async def create_export(
    caller: ComplianceExport, session: TenantSessionDep, wanted: ExportRequest
) -> ExportView:
    return _export_view(await service.request_export(session, caller, wanted))


@exports_router.get("/exports", operation_id="list_exports")
async def list_exports(
    _caller: ComplianceExport, session: TenantSessionDep, page: PageQueryDep
) -> Page[ExportView]:
    return page_of(await repository.exports(session, page), page.limit, _export_view)


@exports_router.get("/exports/{export_id}", operation_id="get_export", responses=problem_responses(404))
async def get_export(_caller: ComplianceExport, session: TenantSessionDep, export_id: UUID) -> ExportView:
    return _export_view(await service.get_export(session, export_id))


@exports_router.get(
    "/exports/{export_id}/file",
    operation_id="download_export",
    response_class=StreamingResponse,
    responses={200: {"content": {MEDIA_TYPE: {}}}, **problem_responses(404, 409)},
)
async def download_export(
    caller: ComplianceExport, session: TenantSessionDep, services: ServicesDep, export_id: UUID
) -> StreamingResponse:
    blob_id = await service.download(session, caller, export_id)
    headers = {"Content-Disposition": f'attachment; filename="audit-{export_id}.zip"'}
    return StreamingResponse(
        _file(services, caller.tenant_id, blob_id), media_type=MEDIA_TYPE, headers=headers
    )


async def _file(services: Services, tenant_id: UUID, blob_id: UUID) -> AsyncIterator[bytes]:
    async with services.database.tenant(tenant_id) as session:
        async for piece in services.blobs.read(session, blob_id):
            yield piece


def _record_view(found: SealedRecord) -> AuditRecordView:
    row, seal = found.record, found.seal
    return AuditRecordView(
        id=row.id,
        seq=seal.seq if seal else None,
        time=row.time,
        event_type=row.event_type,
        action=row.action,
        outcome=row.outcome,
        actor=row.actor,
        resource=row.resource,
        task_id=row.task_id,
        request_id=row.request_id,
        details=row.details,
        content=row.content,
        integrity=Integrity(
            sealed=seal is not None,
            prev_hash=seal.prev_hash if seal else None,
            hash=seal.hash if seal else None,
        ),
    )


def _export_view(found: StoredExport) -> ExportView:
    row, blob = found.export, found.blob
    return ExportView(
        id=row.id,
        status=row.status,
        window_from=row.window_from,
        window_to=row.window_to,
        records=row.records,
        sha256=blob.sha256 if blob else None,
        bytes=blob.size if blob else None,
        error=row.error,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )
