"""`/v1/snapshots`: states of conversations, computed once, from which many answers go on.

A snapshot belongs to the tenant of its request; for every other tenant it doesn't exist. To go on from one, send
its id as `snapshot` with a chat completion whose messages are what comes after.
"""

import contextlib
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from secretariat.models.errors import ModelError
from secretariat.models.serving.failures import Json
from secretariat.models.serving.requests import body_of, call_of, parsed, shelf_of
from secretariat.models.serving.transport import while_connected
from secretariat.models.serving.wire.state import NewSnapshot

if TYPE_CHECKING:
    from secretariat.models.engine.conversations import Snapshot
    from secretariat.models.engine.local import LocalChat

LARGEST_IMPORT = 2**30


async def create_snapshot(request: Request) -> Response:
    asked = await parsed(NewSnapshot, request)
    call = call_of(request)
    messages = [message.core() for message in asked.messages]
    async with shelf_of(request).chat(asked.model) as model:
        made = await while_connected(request.receive, model.snapshot(messages, call, asked.adapter))
        return JSONResponse(_shown(made, model), 201)


async def list_snapshots(request: Request) -> Response:
    tenant = call_of(request).tenant
    data = [
        _shown(snapshot, model)
        for model in shelf_of(request).chats()
        for snapshot in await model.snapshots.of(tenant)
    ]
    return JSONResponse({"object": "list", "data": data})


async def delete_snapshot(request: Request) -> Response:
    tenant, name = call_of(request).tenant, request.path_params["snapshot"]
    async with _holder(request, name, tenant) as model:
        await model.snapshots.delete(name, tenant)
    return JSONResponse({"id": name, "object": "snapshot.deleted", "deleted": True})


async def export_snapshot(request: Request) -> Response:
    tenant, name = call_of(request).tenant, request.path_params["snapshot"]
    async with _holder(request, name, tenant) as model:
        data = await model.snapshots.export(name, tenant, request.app.state.snapshot_key)
    return Response(data, media_type="application/octet-stream")


async def import_snapshot(request: Request) -> Response:
    """The body is what an export gave; `?model=` says which model it belongs to."""
    call = call_of(request)
    data = await body_of(request, LARGEST_IMPORT)
    async with shelf_of(request).chat(request.query_params.get("model", "default")) as model:
        taken = await model.snapshots.take_in(data, call.tenant, request.app.state.snapshot_key)
        return JSONResponse(_shown(taken, model), 201)


@contextlib.asynccontextmanager
async def _holder(request: Request, name: str, tenant: str) -> "AsyncGenerator[LocalChat, None]":
    shelf = shelf_of(request)
    for model in shelf.chats():
        if model.snapshots.has(name, tenant):
            async with shelf.chat(model.identity.name) as held:
                yield held
            return
    raise ModelError("snapshot_not_found", f"no snapshot {name!r}", param="snapshot")


def _shown(snapshot: "Snapshot", model: "LocalChat") -> Json:
    return {
        "id": snapshot.id,
        "object": "snapshot",
        "created": int(snapshot.created),
        "model": model.identity.name,
        "tokens": snapshot.tokens,
        "bytes": snapshot.bytes,
    }
