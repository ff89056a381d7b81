"""Training jobs over HTTP: uploads of examples, jobs with their metrics and lineage, erasure of people."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from starlette.datastructures import FormData, UploadFile

from secretariat.platform.identity.callers import DocumentsRead, TenantSessionDep, TrainingManage
from secretariat.platform.settings import MEGABYTE
from secretariat.platform.tasks.endpoints import caller_now, event_number, open_streams
from secretariat.platform.tasks.policies import Sight
from secretariat.platform.tasks.stream import CountedStream, watch
from secretariat.platform.training import erasure, repository, schemas, service, views
from secretariat.platform.training.examples import ExamplesFileError, read_lines
from secretariat.platform.training.stream import MetricJournal
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import Fault, InvalidError, UnauthenticatedError, problem_responses
from secretariat.platform.web.forms import no_file, read_form
from secretariat.platform.web.pages import Page, PageQueryDep, page_of
from secretariat.platform.web.routing import api_router

jobs = api_router("training", "/api/v1/training-jobs")
uploads = api_router("training", "/api/v1/training-uploads")
erasures = api_router("training", "/api/v1/training-erasures")
_bearer = HTTPBearer(auto_error=False)
_LARGEST = 16 * MEGABYTE
_LONGEST_NAME = 200
_MOST_METRICS = 1000
_MOST_NUMBER = 2**62
_FORM: dict[str, Any] = {
    "type": "object",
    "title": "TrainingUploadForm",
    "required": ["name", "examples"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": _LONGEST_NAME},
        "examples": {
            "type": "string",
            "format": "binary",
            "description": "Lines of JSON, all of one kind: {messages}, the last one the answer; {messages, "
            "chosen, rejected}; or {text}.",
        },
    },
}


@dataclass(frozen=True, slots=True)
class ReceivedExamples:
    name: str
    kind: Any
    records: list[dict[str, Any]]


async def _received(_caller: TrainingManage, request: Request) -> AsyncIterator[ReceivedExamples]:
    """The form, read to its end before the request's transaction begins. Raises BadRequestError, InvalidError."""
    form = await read_form(request, "the fields name and examples", files=1)
    try:
        yield await _read(form)
    finally:
        await form.close()


async def _read(form: FormData) -> ReceivedExamples:
    name, examples = form.get("name"), form.get("examples")
    name = name.strip() if isinstance(name, str) else ""
    faults = []
    if not 1 <= len(name) <= _LONGEST_NAME:
        faults.append(Fault(pointer="/name", code="missing", detail=f"1 to {_LONGEST_NAME} characters."))
    if not isinstance(examples, UploadFile):
        faults.append(no_file("examples"))
    if faults or not isinstance(examples, UploadFile):
        raise InvalidError("The form lacks a field.", errors=tuple(faults))
    try:
        kind, records = await asyncio.to_thread(read_lines, await examples.read())
    except ExamplesFileError as error:
        fault = Fault(pointer="/examples", code="file", detail=str(error))
        raise InvalidError("The file can't be used.", errors=(fault,)) from error
    return ReceivedExamples(name, kind, records)


@uploads.post(
    "",
    operation_id="create_training_upload",
    status_code=201,
    max_body_size=_LARGEST,
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}},
    responses=problem_responses(400, 413),
)
async def create_training_upload(
    caller: TrainingManage,
    services: ServicesDep,
    received: Annotated[ReceivedExamples, Depends(_received)],
    session: TenantSessionDep,
) -> schemas.TrainingUpload:
    """Examples of one's own. A line that can't be used is refused by its number, and then nothing is kept."""
    row = await service.keep_upload(
        session, services.contents, caller, received.name, received.kind, received.records
    )
    return views.upload(row)


@uploads.get("", operation_id="list_training_uploads")
async def list_training_uploads(
    _caller: TrainingManage, session: TenantSessionDep, page: PageQueryDep
) -> Page[schemas.TrainingUpload]:
    rows = await repository.uploads(session, limit=page.fetch, after=page.after)
    return page_of(rows, page.limit, views.upload)


@uploads.delete(
    "/{upload_id}", operation_id="delete_training_upload", status_code=204, responses=problem_responses(404)
)
async def delete_training_upload(
    caller: TrainingManage, session: TenantSessionDep, upload_id: UUID
) -> Response:
    """With the examples that jobs made of it; adapters that learnt from these are marked for retraining."""
    await erasure.delete_upload(session, caller, upload_id)
    return Response(status_code=204)


@erasures.post("", operation_id="erase_training_of_person", responses=problem_responses(404))
async def erase_training_of_person(
    caller: TrainingManage, session: TenantSessionDep, body: schemas.PersonErasure
) -> schemas.ErasureReceipt:
    """Every example with words of that person goes; adapters that learnt from one are marked for retraining."""
    return await erasure.erase_person(session, caller, body.user_id)


@jobs.post("", operation_id="create_training_job", status_code=202, responses=problem_responses(404, 409))
async def create_training_job(
    caller: TrainingManage,
    _reader: DocumentsRead,
    services: ServicesDep,
    session: TenantSessionDep,
    body: schemas.TrainingRequest,
) -> schemas.TrainingJob:
    """Gathers the examples now, over what the caller may read now, and learns from them in the background."""
    return views.training_job(await service.start(session, services, caller, body))


@jobs.get("", operation_id="list_training_jobs")
async def list_training_jobs(
    _caller: TrainingManage,
    session: TenantSessionDep,
    page: PageQueryDep,
    status: Annotated[schemas.TrainingStatus | None, Query()] = None,
) -> Page[schemas.TrainingJob]:
    rows = await repository.training_jobs(session, limit=page.fetch, after=page.after, status=status)
    return page_of(rows, page.limit, views.training_job)


@jobs.get("/{training_job_id}", operation_id="get_training_job", responses=problem_responses(404))
async def get_training_job(
    _caller: TrainingManage, session: TenantSessionDep, training_job_id: UUID
) -> schemas.TrainingJob:
    return views.training_job(await service.training_job(session, training_job_id))


@jobs.post(
    "/{training_job_id}/cancel", operation_id="cancel_training_job", responses=problem_responses(404, 409)
)
async def cancel_training_job(
    caller: TrainingManage, session: TenantSessionDep, training_job_id: UUID
) -> schemas.TrainingJob:
    """It ends within seconds and keeps its state."""
    return views.training_job(await service.cancel(session, caller, training_job_id))


@jobs.post(
    "/{training_job_id}/resume", operation_id="resume_training_job", responses=problem_responses(404, 409)
)
async def resume_training_job(
    caller: TrainingManage, session: TenantSessionDep, training_job_id: UUID
) -> schemas.TrainingJob:
    """One that was cancelled or failed goes on from its last state."""
    return views.training_job(await service.resume(session, caller, training_job_id))


@jobs.get(
    "/{training_job_id}/examples", operation_id="list_training_examples", responses=problem_responses(404)
)
async def list_training_examples(
    _caller: TrainingManage, session: TenantSessionDep, training_job_id: UUID, page: PageQueryDep
) -> Page[schemas.TrainingExample]:
    """Where each example comes from, in their order; not their words."""
    await service.training_job(session, training_job_id)
    rows = await repository.examples(session, training_job_id, limit=page.fetch, after=page.after)
    return page_of(rows, page.limit, views.example)


@jobs.get(
    "/{training_job_id}/metrics",
    operation_id="training_metrics",
    response_model=schemas.TrainingMetrics,
    responses={**schemas.SSE_RESPONSES, **problem_responses(404, 429)},
)
async def training_metrics(
    caller: TrainingManage,
    request: Request,
    services: ServicesDep,
    training_job_id: UUID,
    after: Annotated[int, Query(ge=0, le=_MOST_NUMBER, description="Give what follows this number.")] = 0,
    limit: Annotated[int, Query(ge=1, le=_MOST_METRICS, description="Of the JSON list.")] = _MOST_METRICS,
    last_event_id: Annotated[str | None, Header(description="What an EventSource sends to resume.")] = None,
) -> Response:
    """Losses step by step. With `Accept: text/event-stream` a stream that ends with the job."""
    seen = max(after, event_number(last_event_id))
    async with services.database.tenant(caller.tenant_id) as session:
        await service.training_job(session, training_job_id)
        rows = await repository.metrics(session, training_job_id, seen, limit + 1)
    if "text/event-stream" not in request.headers.get("accept", ""):
        return _listed([views.metric(row) for row in rows], limit)
    sight = Sight(words=False, principals=caller.principals)

    async def look_again() -> Sight | None:
        try:
            current = await caller_now(request, services, caller)
        except UnauthenticatedError:
            return None
        return sight if "training.manage" in current.permissions else None

    journal = MetricJournal(services, caller.tenant_id, training_job_id)
    return CountedStream(open_streams(request), caller.user_id, watch(journal, seen, sight, look_again))


def _listed(found: list[schemas.TrainingMetric], limit: int) -> JSONResponse:
    data = found[:limit]
    told = schemas.TrainingMetrics(
        data=data,
        first_id=data[0].seq if data else None,
        last_id=data[-1].seq if data else None,
        has_more=len(found) > limit,
    )
    return JSONResponse(told.model_dump(mode="json"))
