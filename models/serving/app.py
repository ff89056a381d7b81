"""The application: which route is answered by what. Its lifespan loads the models and closes them."""

import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from secretariat.models.serving.endpoints import chat, completions, models, responses, snapshots, texts
from secretariat.models.serving.failures import HANDLERS
from secretariat.models.serving.shelf import Shelf
from secretariat.models.serving.transport import ServiceToken

ROUTES = (
    Route("/healthz", models.health),
    Route("/metrics", models.metrics),
    Route("/v1/models", models.list_models),
    Route("/v1/models/{model}", models.retrieve_model),
    Route("/v1/chat/completions", chat.create_chat_completion, methods=["POST"]),
    Route("/v1/completions", completions.create_completion, methods=["POST"]),
    Route("/v1/responses", responses.create_response, methods=["POST"]),
    Route("/v1/embeddings", texts.create_embeddings, methods=["POST"]),
    Route("/v1/rerank", texts.rerank, methods=["POST"]),
    Route("/v1/classify", texts.classify, methods=["POST"]),
    Route("/v1/tokenize", texts.tokenize, methods=["POST"]),
    Route("/v1/detokenize", texts.detokenize, methods=["POST"]),
    Route("/v1/adapters", models.list_adapters),
    Route("/v1/adapters", models.load_adapter, methods=["POST"]),
    Route("/v1/adapters/{adapter}", models.unload_adapter, methods=["DELETE"]),
    Route("/v1/snapshots", snapshots.list_snapshots),
    Route("/v1/snapshots", snapshots.create_snapshot, methods=["POST"]),
    Route("/v1/snapshots/import", snapshots.import_snapshot, methods=["POST"]),
    Route("/v1/snapshots/{snapshot}", snapshots.delete_snapshot, methods=["DELETE"]),
    Route("/v1/snapshots/{snapshot}/export", snapshots.export_snapshot),
)


def create_app(shelf: Shelf, token: str, adapters_dir: Path | None = None) -> Starlette:
    """`token` also keys exported snapshots: a server with the same token and model takes them."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.shelf = shelf
        app.state.adapters_dir = adapters_dir
        app.state.snapshot_key = hmac.digest(token.encode(), b"secretariat/snapshots", hashlib.sha256)
        shelf.start()
        yield
        await shelf.close()

    return Starlette(
        routes=ROUTES,
        middleware=[Middleware(ServiceToken, token=token)],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
