"""OpenAI's dialect over HTTP. Errors come in OpenAI's envelope; the problem handlers see to that."""

from fastapi import APIRouter
from fastapi.responses import Response

from secretariat.platform.gateway import schemas, service
from secretariat.platform.identity.callers import ModelsUse
from secretariat.platform.web.dependencies import ServicesDep

LARGEST_BODY = 10_000_000

router = APIRouter(prefix="/v1", tags=["models"], responses=schemas.ERRORS)


@router.post(
    "/chat/completions",
    operation_id="create_chat_completion",
    response_class=Response,
    max_body_size=LARGEST_BODY,
    responses={200: schemas.STREAM},
)
async def create_chat_completion(
    caller: ModelsUse, services: ServicesDep, body: schemas.ChatCompletionRequest
) -> Response:
    """Forwarded to the model server. Prompt and output are recorded; a stream also when it breaks off."""
    return await service.chat(services, caller, body)


@router.post(
    "/embeddings",
    operation_id="create_embeddings",
    response_class=Response,
    max_body_size=LARGEST_BODY,
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
)
async def create_embeddings(
    caller: ModelsUse, services: ServicesDep, body: schemas.EmbeddingsRequest
) -> Response:
    return await service.embeddings(services, caller, body)


@router.get("/models", operation_id="list_models", response_model=schemas.ModelList)
async def list_models(caller: ModelsUse, services: ServicesDep) -> Response:
    """Each with our `secretariat` field: kind, context length, licence, hash of the weights."""
    return await service.models(services, caller)
