"""What the server answers: OpenAI's response shapes, built from the engine's events.

Knows no engine internals and no HTTP beyond the status of an error.
"""

import base64
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from secretariat.models.core import EmbeddingResult, FinishReason, ModelCard, ModelIdentity, Usage
from secretariat.models.engine.events import Drawn, Emission
from secretariat.models.errors import ModelError, ModelErrorCode

Json = dict[str, Any]

STATUS: dict[ModelErrorCode, int] = {
    "model_not_found": 404,
    "context_length_exceeded": 400,
    "invalid_request": 400,
    "invalid_schema": 400,
    "overloaded": 429,
    "deadline_exceeded": 504,
    "cancelled": 499,
    "unreachable": 503,
    "checkpoint_invalid": 503,
    "weights_missing": 503,
    "engine_failed": 500,
}


def error_body(message: str, kind: str, code: str | None = None, param: str | None = None) -> Json:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def error_of(error: ModelError) -> Json:
    kind = "invalid_request_error" if STATUS[error.code] in (400, 404) else "server_error"
    return error_body(error.message, kind, error.code, error.param)


def provenance(model: ModelIdentity) -> Json:
    return {
        "weights_sha256": model.weights_sha256,
        "engine": model.engine,
        "threads": model.threads,
        "dtype": model.dtype,
    }


def usage_of(usage: Usage) -> Json:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


def _token(token: bytes, logprob: float) -> Json:
    return {"token": token.decode(errors="replace"), "logprob": logprob, "bytes": list(token)}


def logprobs_of(drawn: Iterable[Drawn]) -> Json:
    entries = [
        _token(d.token, d.logprob) | {"top_logprobs": [_token(*other) for other in d.alternatives]}
        for d in drawn
    ]
    return {"content": entries, "refusal": None}


class ChatReply:
    """The replies to one chat request share an id and a time."""

    def __init__(self, model: ModelIdentity, *, logprobs: bool) -> None:
        self._model = model
        self._logprobs = logprobs
        self._id = f"chatcmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())

    def whole(self, emissions: Sequence[Emission]) -> Json:
        last = emissions[-1]
        assert last.usage is not None
        drawn = [entry for emission in emissions for entry in emission.drawn]
        content = "".join(emission.text for emission in emissions)
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": content, "refusal": None},
            "finish_reason": last.finish_reason,
            "logprobs": logprobs_of(drawn) if self._logprobs else None,
        }
        return self._frame("chat.completion", [choice]) | {
            "usage": usage_of(last.usage),
            "secretariat": provenance(self._model),
        }

    def opening(self) -> Json:
        return self._chunk({"role": "assistant", "content": ""}, None)

    def part(self, emission: Emission) -> Json:
        return self._chunk({"content": emission.text}, None, emission.drawn)

    def closing(self, emission: Emission) -> Json:
        return self._chunk({}, emission.finish_reason) | {"secretariat": provenance(self._model)}

    def usage(self, usage: Usage) -> Json:
        return self._frame("chat.completion.chunk", []) | {"usage": usage_of(usage)}

    def _chunk(self, delta: Json, finish: FinishReason | None, drawn: Sequence[Drawn] = ()) -> Json:
        logprobs = logprobs_of(drawn) if self._logprobs and drawn else None
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": logprobs}
        return self._frame("chat.completion.chunk", [choice])

    def _frame(self, kind: str, choices: list[Json]) -> Json:
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._model.name,
            "choices": choices,
        }


def embeddings_of(result: EmbeddingResult, *, as_base64: bool) -> Json:
    def encoded(vector: bytes) -> str | list[float]:
        return base64.b64encode(vector).decode() if as_base64 else np.frombuffer(vector, "<f4").tolist()

    return {
        "object": "list",
        "model": result.model.name,
        "data": [
            {"object": "embedding", "index": index, "embedding": encoded(vector)}
            for index, vector in enumerate(result.vectors)
        ],
        "usage": {
            "prompt_tokens": result.usage.prompt_tokens,
            "total_tokens": result.usage.prompt_tokens,
        },
        "secretariat": provenance(result.model),
    }


def models_of(cards: Iterable[ModelCard]) -> Json:
    def item(card: ModelCard) -> Json:
        ours = {key: value for key, value in asdict(card).items() if key != "name"}
        return {
            "id": card.name,
            "object": "model",
            "created": 0,
            "owned_by": "secretariat",
            "secretariat": ours,
        }

    return {"object": "list", "data": [item(card) for card in cards]}
