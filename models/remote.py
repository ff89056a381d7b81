"""The Protocols of `client.py` over HTTP: the model server as the rest of the system sees it.

Maps every failure to ModelError. Knows no torch and no engine.
"""

import base64
import contextlib
import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import asdict
from typing import Any, get_args

import httpx

from secretariat.models.core import (
    CallContext,
    ChatRequest,
    ChatResult,
    ChoiceConstraint,
    Citation,
    CitationConstraint,
    ClassifyResult,
    Constraint,
    EmbeddingResult,
    JsonSchemaConstraint,
    LabelScore,
    ModelCard,
    ModelIdentity,
    Ranked,
    RegexConstraint,
    RerankMethod,
    RerankResult,
    SamplingParams,
    TokenEvent,
    TokenLogprob,
    Usage,
    VerbatimSpanConstraint,
)
from secretariat.models.errors import ModelError, ModelErrorCode

Json = dict[str, Any]
_CODES = frozenset(get_args(ModelErrorCode))
_RETRYABLE: frozenset[ModelErrorCode] = frozenset({"overloaded", "deadline_exceeded", "unreachable"})


class RemoteModels:
    """One connection pool to one model server. `timeout_s` bounds a call that brings no deadline."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        chat: str = "default",
        embedder: str = "default",
        timeout_s: float = 300.0,
    ) -> None:
        self._chat = chat
        self._embedder = embedder
        self._timeout_s = timeout_s
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            limits=httpx.Limits(max_connections=256, max_keepalive_connections=32),
            trust_env=False,
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def chat(self, request: ChatRequest, call: CallContext) -> ChatResult:
        reply = await self._post("/v1/chat/completions", self._chat_body(request), call)
        with _well_formed():
            (choice,) = reply["choices"]
            return ChatResult(
                text=choice["message"]["content"],
                finish_reason=choice["finish_reason"],
                usage=_usage(reply["usage"]),
                model=_identity(reply),
                logprobs=_logprobs(choice),
                citations=_citations(choice["message"]),
                expert=reply.get("expert"),
            )

    async def stream(self, request: ChatRequest, call: CallContext) -> AsyncGenerator[TokenEvent, None]:
        """As ChatModel.stream. Text arrives as it is drawn; the last event has no text."""
        body = self._chat_body(request) | {"stream": True, "stream_options": {"include_usage": True}}
        last: tuple[Json, Json] | None = None
        with _transport_errors():
            async with self._http.stream(
                "POST",
                "/v1/chat/completions",
                json=body,
                headers=_headers(call),
                timeout=self._timeout(call),
            ) as response:
                if response.status_code != httpx.codes.OK:
                    await response.aread()
                    raise _error(response)
                async with contextlib.aclosing(_events(response)) as events:
                    async for event in events:
                        if event["choices"]:
                            (choice,) = event["choices"]
                            if choice["finish_reason"] is not None:
                                last = (event, choice)
                            elif choice["delta"].get("content") or choice["logprobs"]:
                                yield TokenEvent(choice["delta"]["content"], _logprobs(choice))
                            elif choice["delta"].get("citations"):
                                yield TokenEvent("", citations=_citations(choice["delta"]))
                        elif last is not None:
                            yield _last_event(*last, event)
                            return
        raise ModelError("engine_failed", "the model server's stream ended early", retryable=True)

    async def count_tokens(self, texts: Sequence[str], call: CallContext) -> list[int]:
        reply = await self._post("/v1/tokenize", {"model": self._chat, "texts": list(texts)}, call)
        with _well_formed():
            return [int(count) for count in reply["counts"]]

    async def count_embedded(self, texts: Sequence[str], call: CallContext) -> list[int]:
        body = {"model": self._embedder, "kind": "embedding", "texts": list(texts)}
        reply = await self._post("/v1/tokenize", body, call)
        with _well_formed():
            return [int(count) for count in reply["counts"]]

    async def embed(self, texts: Sequence[str], call: CallContext) -> EmbeddingResult:
        body = {"model": self._embedder, "input": list(texts), "encoding_format": "base64"}
        reply = await self._post("/v1/embeddings", body, call)
        with _well_formed():
            vectors = [base64.b64decode(item["embedding"], validate=True) for item in reply["data"]]
            usage = Usage(reply["usage"]["prompt_tokens"], 0)
            return EmbeddingResult(vectors, len(vectors[0]) // 4, usage, _identity(reply))

    async def rerank(
        self,
        query: str,
        texts: Sequence[str],
        call: CallContext,
        top_n: int | None = None,
        method: RerankMethod = "embedding_cosine",
    ) -> RerankResult:
        body: Json = {"model": self._embedder, "query": query, "documents": list(texts), "method": method}
        reply = await self._post("/v1/rerank", body if top_n is None else body | {"top_n": top_n}, call)
        with _well_formed():
            ranked = tuple(Ranked(item["index"], item["relevance_score"]) for item in reply["results"])
            usage = Usage(reply["usage"]["prompt_tokens"], 0)
            return RerankResult(ranked, reply["method"], usage, _identity(reply))

    async def classify(
        self, texts: Sequence[str], labels: Sequence[str], call: CallContext
    ) -> ClassifyResult:
        body = {"model": self._chat, "input": list(texts), "labels": list(labels)}
        reply = await self._post("/v1/classify", body, call)
        with _well_formed():
            scores = tuple(tuple(LabelScore(**score) for score in item["scores"]) for item in reply["data"])
            return ClassifyResult(scores, Usage(reply["usage"]["prompt_tokens"], 0), _identity(reply))

    async def models(self) -> list[ModelCard]:
        with _transport_errors():
            response = await self._http.get("/v1/models", timeout=self._timeout_s)
        if response.status_code != httpx.codes.OK:
            raise _error(response)
        with _well_formed():
            return [ModelCard(name=item["id"], **item["secretariat"]) for item in response.json()["data"]]

    async def adapters(self, model: str, call: CallContext) -> list[str]:
        """The adapters that the server has loaded for a model."""
        reply = await self._asked("GET", "/v1/adapters", call, {"model": model})
        with _well_formed():
            return [str(item["id"]) for item in reply["data"]]

    async def load_adapter(self, name: str, model: str, call: CallContext) -> None:
        """From the folder of that name beside the server. Raises ModelError, overloaded where every place is
        taken."""
        await self._asked("POST", "/v1/adapters", call, None, {"name": name, "model": model})

    async def unload_adapter(self, name: str, model: str, call: CallContext) -> None:
        """Raises ModelError adapter_not_found."""
        await self._asked("DELETE", f"/v1/adapters/{name}", call, {"model": model})

    async def _asked(
        self, method: str, path: str, call: CallContext, query: Json | None, body: Json | None = None
    ) -> Json:
        with _transport_errors():
            response = await self._http.request(
                method, path, params=query, json=body, headers=_headers(call), timeout=self._timeout(call)
            )
        if not response.is_success:
            raise _error(response)
        with _well_formed():
            reply: Json = response.json()
            return reply

    @contextlib.asynccontextmanager
    async def forward(
        self, method: str, path: str, body: bytes, call: CallContext
    ) -> AsyncGenerator[httpx.Response, None]:
        """The server's own answer in its own dialect, not yet read, whatever its status; for a gateway."""
        headers = _headers(call) | {"Content-Type": "application/json"}
        with _transport_errors():
            async with self._http.stream(
                method, path, content=body, headers=headers, timeout=self._timeout(call)
            ) as response:
                yield response

    async def _post(self, path: str, body: Json, call: CallContext) -> Json:
        with _transport_errors():
            response = await self._http.post(
                path, json=body, headers=_headers(call), timeout=self._timeout(call)
            )
        if response.status_code != httpx.codes.OK:
            raise _error(response)
        with _well_formed():
            reply: Json = response.json()
            return reply

    def _timeout(self, call: CallContext) -> httpx.Timeout:
        """A little more than the deadline: the server's own answer to a passed deadline says more."""
        total = self._timeout_s if call.deadline_s is None else max(call.deadline_s, 0.0) + 2.0
        return httpx.Timeout(total, connect=min(total, 5.0))

    def _chat_body(self, request: ChatRequest) -> Json:
        body: Json = {
            "model": self._chat if request.model == "default" else request.model,
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
            **_sampling(request.sampling),
        }
        if request.constraint is not None:
            body["response_format"] = _response_format(request.constraint)
        if request.documents:
            body["documents"] = [asdict(document) for document in request.documents]
            body |= {"citation_mode": request.citation_mode, "leaning": request.leaning}
        if request.experts:
            body["experts"] = [asdict(expert) for expert in request.experts]
        named = {"adapter": request.adapter, "snapshot": request.snapshot}
        return body | {key: name for key, name in named.items() if name is not None}


def _sampling(sampling: SamplingParams) -> Json:
    """What differs from the server's own defaults, and what every request says."""
    fields: Json = {
        "max_completion_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "seed": sampling.seed,
        "stop": list(sampling.stop),
    }
    usual = SamplingParams()
    for name in ("min_p", "presence_penalty", "frequency_penalty", "repetition_penalty", "ignore_eos"):
        if getattr(sampling, name) != getattr(usual, name):
            fields[name] = getattr(sampling, name)
    if sampling.logit_bias:
        fields["logit_bias"] = {str(token): bias for token, bias in sampling.logit_bias}
    if sampling.top_logprobs is not None:
        fields |= {"logprobs": True, "top_logprobs": sampling.top_logprobs}
    return fields


def _headers(call: CallContext) -> dict[str, str]:
    headers = {"X-Secretariat-Tenant": call.tenant, "X-Request-Id": call.request_id}
    if call.deadline_s is not None:
        headers["X-Secretariat-Deadline-Ms"] = str(int(call.deadline_s * 1000))
    return headers


def _response_format(constraint: Constraint) -> Json:
    match constraint:
        case JsonSchemaConstraint(schema=text):
            try:
                schema = json.loads(text)
            except json.JSONDecodeError as error:
                raise ModelError("invalid_schema", f"the schema isn't JSON: {error}") from error
            return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
        case ChoiceConstraint(choices=choices):
            return {"type": "choice", "choice": {"choices": list(choices)}}
        case RegexConstraint(pattern=pattern):
            return {"type": "regex", "regex": pattern}
        case VerbatimSpanConstraint(texts=texts, otherwise=otherwise):
            return {"type": "verbatim_span", "verbatim_span": {"texts": list(texts), "otherwise": otherwise}}
        case CitationConstraint():
            raise ModelError("invalid_request", "citations come with documents, not as a constraint")


async def _events(response: httpx.Response) -> AsyncGenerator[Json, None]:
    async for line in response.aiter_lines():
        if not line.startswith("data: ") or line == "data: [DONE]":
            continue
        with _well_formed():
            event: Json = json.loads(line.removeprefix("data: "))
        if "error" in event:
            raise _model_error(event["error"], httpx.codes.INTERNAL_SERVER_ERROR)
        yield event


def _last_event(closing: Json, choice: Json, usage: Json) -> TokenEvent:
    with _well_formed():
        return TokenEvent(
            "",
            _logprobs(choice),
            choice["finish_reason"],
            _usage(usage["usage"]),
            _identity(closing),
            expert=closing.get("expert"),
        )


def _logprobs(choice: Json) -> tuple[TokenLogprob, ...]:
    content = (choice["logprobs"] or {}).get("content", [])
    return tuple(TokenLogprob(entry["token"], entry["logprob"]) for entry in content)


def _citations(said: Json) -> tuple[Citation, ...]:
    return tuple(
        Citation(found["start"], found["end"], found["text"], tuple(found["document_ids"]))
        for found in said.get("citations", ())
    )


def _usage(usage: Json) -> Usage:
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    return Usage(usage["prompt_tokens"], usage["completion_tokens"], cached)


def _identity(reply: Json) -> ModelIdentity:
    return ModelIdentity(name=reply["model"], **reply["secretariat"])


def _error(response: httpx.Response) -> ModelError:
    try:
        envelope = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        envelope = {}
    return _model_error(envelope, response.status_code)


def _model_error(envelope: Json, status: int) -> ModelError:
    given: Any = envelope.get("code")
    code: ModelErrorCode = given if given in _CODES else _code_of(status)
    retryable = code in _RETRYABLE
    message = str(envelope.get("message") or f"the model server answered {status}")
    return ModelError(code, message, retryable=retryable, param=envelope.get("param"))


def _code_of(status: int) -> ModelErrorCode:
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return "overloaded"
    if status in (401, 502, 503):
        return "unreachable"
    return "engine_failed" if status >= httpx.codes.INTERNAL_SERVER_ERROR else "invalid_request"


@contextlib.contextmanager
def _transport_errors() -> Iterator[None]:
    try:
        yield
    except httpx.ConnectError as error:
        raise ModelError("unreachable", "the model server can't be reached", retryable=True) from error
    except httpx.TimeoutException as error:
        raise ModelError("deadline_exceeded", "the model server took too long", retryable=True) from error
    except httpx.HTTPError as error:
        raise ModelError("unreachable", f"the connection failed: {error!r}", retryable=True) from error


@contextlib.contextmanager
def _well_formed() -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ModelError("engine_failed", "the model server's answer has an unknown shape") from error
