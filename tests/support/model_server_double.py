"""A double of the model server for tests about the platform: the real wire, on a real port, with toy answers.

Texts are embedded as hashed bags of words, so texts that share words are near; chat answers by a rule that
tests can see through. Not a model: nothing here says anything about quality.
"""

import asyncio
import base64
import dataclasses
import hashlib
import json
import math
import re
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from secretariat.models.remote import RemoteModels
from secretariat.platform.app import create_app
from secretariat.platform.db.session import Database
from secretariat.platform.services import Services
from tests.support.app import make_services

CHAT = "double-chat"
EMBEDDER = "double-embedder"
DIM = 64
IDENTITY = {"weights_sha256": "0" * 64, "engine": "double", "threads": 1, "dtype": "none"}


def embedded(text: str) -> bytes:
    """A unit vector of DIM float32, little-endian."""
    vector = [0.0] * DIM
    for word in re.findall(r"\w+", text.lower()):
        vector[hashlib.sha256(word.encode()).digest()[0] % DIM] += 1.0
    length = math.sqrt(sum(x * x for x in vector)) or 1.0
    return struct.pack(f"<{DIM}f", *(x / length for x in vector))


class ModelServerDouble:
    """Answers `You said: <last message>` word by word. Keeps the headers and documents it was sent.

    With documents it copies the one that shares the most words with the message, and cites it.
    """

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []
        self.documents: list[list[dict[str, Any]]] = []
        self.release = asyncio.Event()
        self.release.set()
        self.aborted = 0
        self.breaks = False
        self.app = Starlette(
            routes=[
                Route("/v1/models", self._models),
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/embeddings", self._embeddings, methods=["POST"]),
                Route("/v1/rerank", self._rerank, methods=["POST"]),
                Route("/v1/tokenize", self._tokenize, methods=["POST"]),
                Route("/v1/classify", self._classify, methods=["POST"]),
            ]
        )

    async def _models(self, _request: Request) -> Response:
        card = {
            "kind": "chat",
            "context_length": 2048,
            "licence": "none",
            "weights_sha256": "0" * 64,
            "dim": None,
        }
        return JSONResponse(
            {"object": "list", "data": [{"id": CHAT, "object": "model", "secretariat": card}]}
        )

    async def _embeddings(self, request: Request) -> Response:
        body = await request.json()
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        data = [
            {"object": "embedding", "index": i, "embedding": base64.b64encode(embedded(text)).decode()}
            for i, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1, "prompt_tokens_details": {"cached_tokens": 0}}
        return JSONResponse(
            {"object": "list", "model": EMBEDDER, "data": data, "usage": usage, "secretariat": IDENTITY}
        )

    async def _rerank(self, request: Request) -> Response:
        body = await request.json()
        asked = set(re.findall(r"\w+", body["query"].lower()))
        shared = [len(asked & set(re.findall(r"\w+", text.lower()))) for text in body["documents"]]
        order = sorted(range(len(shared)), key=lambda index: -shared[index])
        results = [{"index": i, "relevance_score": shared[i] / (len(asked) or 1)} for i in order]
        usage = {"prompt_tokens": 1, "total_tokens": 1, "prompt_tokens_details": {"cached_tokens": 0}}
        given = {"model": EMBEDDER, "method": body["method"], "usage": usage, "secretariat": IDENTITY}
        return JSONResponse({"object": "list", "results": results, **given})

    async def _classify(self, request: Request) -> Response:
        """A label that stands in the text takes most of the probability."""
        body = await request.json()
        data = []
        for index, text in enumerate(body["input"]):
            weights = {label: 9 if label.lower() in text.lower() else 1 for label in body["labels"]}
            order = sorted(weights, key=lambda label: -weights[label])
            scores = [{"label": one, "probability": weights[one] / sum(weights.values())} for one in order]
            data.append({"index": index, "scores": scores})
        usage = {"prompt_tokens": 1, "total_tokens": 1, "prompt_tokens_details": {"cached_tokens": 0}}
        return JSONResponse({"data": data, "model": CHAT, "usage": usage, "secretariat": IDENTITY})

    async def _tokenize(self, request: Request) -> Response:
        body = await request.json()
        framing = 2 if body.get("kind") == "embedding" else 0
        return JSONResponse(
            {"counts": [framing + len(re.findall(r"\w+|[^\w\s]", text)) for text in body["texts"]]}
        )

    async def _chat(self, request: Request) -> Response:
        self.headers.append(dict(request.headers))
        body = await request.json()
        if body["model"] not in (CHAT, "default"):
            error = {"message": "no such model", "type": "invalid_request_error", "param": "model"}
            return JSONResponse({"error": {**error, "code": "model_not_found"}}, 404)
        text = f"You said: {body['messages'][-1]['content']}"
        if body.get("stream"):
            assert body["stream_options"]["include_usage"]
            return StreamingResponse(self._pieces(text), media_type="text/event-stream")
        await self.release.wait()
        message = {"role": "assistant", "content": text}
        if body.get("documents"):
            self.documents.append(body["documents"])
            message |= _copied(body["messages"][-1]["content"], body["documents"])
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        return JSONResponse(_frame([choice]) | {"usage": _usage(text), "secretariat": IDENTITY})

    async def _pieces(self, text: str) -> AsyncIterator[str]:
        whole = False
        try:
            for word in re.findall(r"\S+\s*", text):
                delta = {"index": 0, "delta": {"content": word}, "finish_reason": None, "logprobs": None}
                yield _event(_frame([delta]))
                await self.release.wait()
                if self.breaks:
                    return
            last = {"index": 0, "delta": {}, "finish_reason": "stop", "logprobs": None}
            yield _event(_frame([last]) | {"secretariat": IDENTITY})
            yield _event(_frame([]) | {"usage": _usage(text)})
            yield "data: [DONE]\n\n"
            whole = True
        finally:
            self.aborted += not whole


def _copied(asked: str, documents: list[dict[str, Any]]) -> dict[str, Any]:
    words = set(re.findall(r"\w+", asked.lower()))
    best = max(documents, key=lambda one: len(words & set(re.findall(r"\w+", one["text"].lower()))))
    end = len(best["text"])
    citation = {"start": 0, "end": end, "text": best["text"], "document_ids": [best["id"]]}
    return {"content": best["text"], "citations": [citation]}


def _frame(choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": "chat", "created": 1, "model": CHAT, "choices": choices}


def _usage(text: str) -> dict[str, Any]:
    words = len(text.split())
    cached = {"cached_tokens": 0}
    return {
        "prompt_tokens": 1,
        "completion_tokens": words,
        "total_tokens": 1 + words,
        "prompt_tokens_details": cached,
    }


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[str]:
    """The application on a free port of the loopback, in this event loop; its address."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    loop = asyncio.ensure_future(server.main_loop())
    try:
        (port,) = {socket.getsockname()[1] for one in server.servers for socket in one.sockets}
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = server.force_exit = True
        await loop
        await server.shutdown()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def double() -> AsyncIterator[tuple[ModelServerDouble, str]]:
    made = ModelServerDouble()
    async with listening(made.app) as url:
        yield made, url


@pytest.fixture
def model_server(double: tuple[ModelServerDouble, str]) -> ModelServerDouble:
    server = double[0]
    server.headers.clear()
    server.release.set()
    server.breaks = False
    return server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def services(database: Database, double: tuple[ModelServerDouble, str]) -> AsyncIterator[Services]:
    """The services, with the double behind the real client."""
    made = make_services(database, max_upload_bytes=300_000)
    await made.models.aclose()
    models = RemoteModels(double[1], "test-service-token", chat=CHAT, embedder=EMBEDDER)
    yield dataclasses.replace(made, models=models)
    await models.aclose()


@pytest.fixture(scope="session")
def app(services: Services) -> FastAPI:
    return create_app(services)
