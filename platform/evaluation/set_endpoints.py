"""Sets of questions over HTTP: uploaded, listed, read, deleted. One's own alone."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response
from starlette.datastructures import FormData, UploadFile

from secretariat.platform.evaluation import question_sets, repository, views
from secretariat.platform.evaluation.questions import Question, read_questions
from secretariat.platform.evaluation.schemas import QuestionSetView, QuestionView
from secretariat.platform.identity.callers import EvaluationsManage, TenantSessionDep
from secretariat.platform.settings import MEGABYTE
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import Fault, InvalidError, problem_responses
from secretariat.platform.web.forms import no_file, read_form
from secretariat.platform.web.pages import Page, PageQueryDep, page_of
from secretariat.platform.web.routing import api_router
from secretariat.retrieval.beir import BeirFileError

router = api_router("evaluations", "/api/v1/question-sets")
_LARGEST = 8 * MEGABYTE
_LONGEST_NAME = 200
_FILE = {"type": "string", "format": "binary"}
_FORM: dict[str, Any] = {
    "type": "object",
    "title": "QuestionSetUpload",
    "required": ["name", "queries", "qrels"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": _LONGEST_NAME},
        "queries": {**_FILE, "description": "Lines of JSON with _id and text."},
        "qrels": {
            **_FILE,
            "description": "Lines of query-id, corpus-id and score, parted by tabs. The corpus-id is a document's "
            "id or the name of its file.",
        },
    },
}


@dataclass(frozen=True, slots=True)
class ReceivedSet:
    name: str
    questions: list[Question]
    left_out: int


async def _received(_caller: EvaluationsManage, request: Request) -> AsyncIterator[ReceivedSet]:
    """The form, read to its end before the request's transaction begins. Raises BadRequestError, InvalidError."""
    form = await read_form(request, "the fields name, queries and qrels", files=2)
    try:
        yield await _read(form)
    finally:
        await form.close()


async def _read(form: FormData) -> ReceivedSet:
    name, queries, qrels = form.get("name"), form.get("queries"), form.get("qrels")
    name = name.strip() if isinstance(name, str) else ""
    faults = []
    if not 1 <= len(name) <= _LONGEST_NAME:
        faults.append(Fault(pointer="/name", code="missing", detail=f"1 to {_LONGEST_NAME} characters."))
    if not isinstance(queries, UploadFile):
        faults.append(no_file("queries"))
    if not isinstance(qrels, UploadFile):
        faults.append(no_file("qrels"))
    if faults or not isinstance(queries, UploadFile) or not isinstance(qrels, UploadFile):
        raise InvalidError("The form lacks a field.", errors=tuple(faults))
    try:
        read = await asyncio.to_thread(read_questions, await queries.read(), await qrels.read())
    except BeirFileError as error:
        fault = Fault(pointer=f"/{error.file}", code="file", detail=str(error))
        raise InvalidError("A file can't be used.", errors=(fault,)) from error
    return ReceivedSet(name, *read)


@router.post(
    "",
    operation_id="create_question_set",
    status_code=201,
    max_body_size=_LARGEST,
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}},
    responses=problem_responses(400, 413),
)
async def create_question_set(
    caller: EvaluationsManage,
    services: ServicesDep,
    received: Annotated[ReceivedSet, Depends(_received)],
    session: TenantSessionDep,
) -> QuestionSetView:
    """Questions and the documents that answer them, in the two files of BEIR's layout."""
    row = await question_sets.create(
        session, services.contents, caller, received.name, received.questions, received.left_out
    )
    return views.question_set(row)


@router.get("", operation_id="list_question_sets")
async def list_question_sets(
    caller: EvaluationsManage, session: TenantSessionDep, page: PageQueryDep
) -> Page[QuestionSetView]:
    rows = await repository.question_sets(session, caller.user_id, limit=page.fetch, after=page.after)
    return page_of(rows, page.limit, views.question_set)


@router.get("/{question_set_id}", operation_id="get_question_set", responses=problem_responses(404))
async def get_question_set(
    caller: EvaluationsManage, session: TenantSessionDep, question_set_id: UUID
) -> QuestionSetView:
    return views.question_set(await question_sets.question_set(session, caller, question_set_id))


@router.get("/{question_set_id}/questions", operation_id="list_questions", responses=problem_responses(404))
async def list_questions(
    caller: EvaluationsManage,
    services: ServicesDep,
    session: TenantSessionDep,
    question_set_id: UUID,
    page: PageQueryDep,
) -> Page[QuestionView]:
    """In the order of their file."""
    row = await question_sets.question_set(session, caller, question_set_id)
    rows = await repository.questions(session, row.id, limit=page.fetch, after=page.after)
    shown = await views.questions(session, services.contents, rows)
    return page_of(rows, page.limit, lambda one: shown[one.id])


@router.delete(
    "/{question_set_id}",
    operation_id="delete_question_set",
    status_code=204,
    responses=problem_responses(404, 409),
)
async def delete_question_set(
    caller: EvaluationsManage, session: TenantSessionDep, question_set_id: UUID
) -> Response:
    """Its words are removed for good; what was measured with it stays."""
    await question_sets.delete(session, caller, question_set_id)
    return Response(status_code=204)
