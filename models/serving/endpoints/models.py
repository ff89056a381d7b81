"""`/v1/models`, `/v1/adapters`, `/healthz` and `/metrics`: what this server has and how it is."""

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from secretariat.models.errors import ModelError
from secretariat.models.experts.team import is_member
from secretariat.models.serving.metrics import exposition
from secretariat.models.serving.replies.texts import model_of, models_of
from secretariat.models.serving.requests import call_of, parsed, shelf_of
from secretariat.models.serving.wire.state import LoadAdapter

if TYPE_CHECKING:
    from secretariat.models.engine.local import LocalChat
    from secretariat.models.engine.preparing import AdapterRegistry


async def health(request: Request) -> Response:
    try:
        shelf_of(request).check()
    except ModelError as error:
        status = "loading" if error.retryable else "failed"
        return JSONResponse({"status": status, "code": error.code, "message": error.message}, 503)
    return JSONResponse({"status": "ok"})


async def list_models(request: Request) -> Response:
    shelf = shelf_of(request)
    shelf.check()
    return JSONResponse(models_of(shelf.cards()))


async def retrieve_model(request: Request) -> Response:
    shelf = shelf_of(request)
    shelf.check()
    return JSONResponse(model_of(shelf.card(request.path_params["model"])))


async def metrics(request: Request) -> Response:
    return PlainTextResponse(
        exposition(shelf_of(request)), media_type="text/plain; version=0.0.4; charset=utf-8"
    )


async def list_adapters(request: Request) -> Response:
    async with shelf_of(request).chat(request.query_params.get("model", "default")) as model:
        names = [] if model.adapters is None else model.adapters.names()
        names = [name for name in names if not is_member(name)]
        return JSONResponse({"object": "list", "data": [_adapter(name, model) for name in names]})


async def load_adapter(request: Request) -> Response:
    asked = await parsed(LoadAdapter, request)
    directory: Path | None = request.app.state.adapters_dir
    if directory is None:
        raise ModelError("invalid_request", "this server was started without a directory of adapters")
    source = directory / (asked.source or asked.name)
    if not source.is_dir():
        raise ModelError("adapter_not_found", f"no adapter {source.name!r} in the server's directory")
    async with shelf_of(request).chat(asked.model) as model:
        await run_in_threadpool(_registry(model).load, asked.name, source, partial=asked.partial)
        return JSONResponse(_adapter(asked.name, model), 201)


async def unload_adapter(request: Request) -> Response:
    call_of(request)
    async with shelf_of(request).chat(request.query_params.get("model", "default")) as model:
        name = request.path_params["adapter"]
        _registry(model).unload(name)
        return JSONResponse({"id": name, "object": "adapter.deleted", "deleted": True})


def _registry(model: "LocalChat") -> "AdapterRegistry":
    if model.adapters is None:
        raise ModelError("invalid_request", f"{model.identity.name} takes no adapters here", param="model")
    return model.adapters


def _adapter(name: str, model: "LocalChat") -> dict[str, str]:
    return {"id": name, "object": "adapter", "model": model.identity.name}
