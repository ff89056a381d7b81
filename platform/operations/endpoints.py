"""Background jobs over HTTP."""

from collections.abc import Set as AbstractSet
from typing import Annotated
from uuid import UUID

from fastapi import Query

from secretariat.platform.access.caller import Caller
from secretariat.platform.db.session import TenantSession
from secretariat.platform.identity.callers import JobsManage, JobsRead, TenantSessionDep
from secretariat.platform.kit.times import now
from secretariat.platform.operations import service
from secretariat.platform.operations.schemas import JobProgress, JobStatus, JobSubject, JobView
from secretariat.platform.tables.jobs import Job
from secretariat.platform.web.errors import problem_responses
from secretariat.platform.web.pages import Page, PageQueryDep, page_of
from secretariat.platform.web.routing import api_router

router = api_router("jobs", "/api/v1/jobs")


@router.get("", operation_id="list_jobs")
async def list_jobs(
    caller: JobsRead,
    session: TenantSessionDep,
    page: PageQueryDep,
    status: Annotated[JobStatus | None, Query()] = None,
) -> Page[JobView]:
    """One's own, and those about documents that one may read; all for who manages jobs or audits."""
    rows = await service.listed(session, caller, limit=page.fetch, after=page.after, status=status)
    hidden = await service.hidden(session, caller, rows)
    return page_of(rows, page.limit, lambda job: _view(job, hidden))


@router.get("/{job_id}", operation_id="get_job", responses=problem_responses(404))
async def get_job(caller: JobsRead, session: TenantSessionDep, job_id: UUID) -> JobView:
    return await _shown(session, caller, await service.get(session, caller, job_id))


@router.post("/{job_id}/cancel", operation_id="cancel_job", responses=problem_responses(404, 409))
async def cancel_job(caller: JobsManage, session: TenantSessionDep, job_id: UUID) -> JobView:
    return await _shown(session, caller, await service.cancel(session, caller, job_id))


@router.post("/{job_id}/retry", operation_id="retry_job", responses=problem_responses(404, 409))
async def retry_job(caller: JobsManage, session: TenantSessionDep, job_id: UUID) -> JobView:
    return await _shown(session, caller, await service.retry(session, caller, job_id))


async def _shown(session: TenantSession, caller: Caller, job: Job) -> JobView:
    return _view(job, await service.hidden(session, caller, [job]))


def _view(job: Job, hidden: AbstractSet[UUID]) -> JobView:
    name = "" if job.subject_id in hidden else job.subject_name
    return JobView(
        id=job.id,
        kind=job.kind,
        queue=job.queue,
        subject=JobSubject(type=job.subject_type, id=job.subject_id, name=name),
        status=job.status,
        attempt=job.attempt,
        progress=JobProgress(done=job.progress_done, total=job.progress_total),
        eta_s=_eta_seconds(job),
        cancel_requested=job.cancel_requested_at is not None,
        error=job.error,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def _eta_seconds(job: Job) -> float | None:
    if job.status != "running" or job.started_at is None or not 0 < job.progress_done < job.progress_total:
        return None
    seconds = (now() - job.started_at).total_seconds()
    return round(seconds * (job.progress_total - job.progress_done) / job.progress_done, 1)
