"""The `response` object and the events that it is streamed as, for text output."""

import time
import uuid
from collections.abc import Iterator, Sequence

from secretariat.models.core import ModelIdentity, Usage
from secretariat.models.engine.events import Drawn, Emission
from secretariat.models.errors import ModelError
from secretariat.models.serving.replies.parts import Json, provenance, tokens_of
from secretariat.models.serving.wire.responses import ResponseRequest

_AT = {"output_index": 0, "content_index": 0}


class ResponseReply:
    """The replies to one request: ids, times and event numbers are theirs alone."""

    def __init__(self, asked: ResponseRequest, model: ModelIdentity) -> None:
        self._asked = asked
        self._model = model
        self._id = f"resp_{uuid.uuid4().hex}"
        self._item = f"msg_{uuid.uuid4().hex}"
        self._created = int(time.time())
        self._number = 0
        self._text = ""
        self._drawn: list[Drawn] = []

    def whole(self, emissions: Sequence[Emission]) -> Json:
        for emission in emissions:
            self._take(emission)
        return self._ended(emissions[-1])

    def opening(self) -> Iterator[Json]:
        response = self._response("in_progress", [])
        yield self._event("response.created", response=response)
        yield self._event("response.in_progress", response=response)
        item = self._message("in_progress", [])
        yield self._event("response.output_item.added", output_index=0, item=item)
        part = self._part("", ())
        yield self._event("response.content_part.added", item_id=self._item, **_AT, part=part)

    def parts(self, emission: Emission) -> Iterator[Json]:
        self._take(emission)
        if emission.text or emission.drawn:
            yield self._event(
                "response.output_text.delta",
                item_id=self._item,
                **_AT,
                delta=emission.text,
                logprobs=self._tokens(emission.drawn),
            )

    def closing(self, last: Emission) -> Iterator[Json]:
        tokens, part = self._tokens(self._drawn), self._part(self._text, self._drawn)
        yield self._event(
            "response.output_text.done", item_id=self._item, **_AT, text=self._text, logprobs=tokens
        )
        yield self._event("response.content_part.done", item_id=self._item, **_AT, part=part)
        ended = self._ended(last)
        yield self._event("response.output_item.done", output_index=0, item=ended["output"][0])
        yield self._event(f"response.{ended['status']}", response=ended)

    def failed(self, error: ModelError) -> Json:
        code = "rate_limit_exceeded" if error.code == "overloaded" else "server_error"
        response = self._response("failed", []) | {"error": {"code": code, "message": error.message}}
        return self._event("response.failed", response=response)

    def _take(self, emission: Emission) -> None:
        self._text += emission.text
        self._drawn.extend(emission.drawn)

    def _event(self, kind: str, **fields: object) -> Json:
        event = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        return event

    def _ended(self, last: Emission) -> Json:
        assert last.usage is not None
        status = "completed" if last.finish_reason == "stop" else "incomplete"
        message = self._message(status, [self._part(self._text, self._drawn)])
        ended = self._response(status, [message]) | {"usage": _usage(last.usage)}
        if status == "completed":
            return ended | {"completed_at": int(time.time())}
        return ended | {"incomplete_details": {"reason": "max_output_tokens"}}

    def _message(self, status: str, content: list[Json]) -> Json:
        return {
            "id": self._item,
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content,
        }

    def _part(self, text: str, drawn: Sequence[Drawn]) -> Json:
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": self._tokens(drawn)}

    def _tokens(self, drawn: Sequence[Drawn]) -> list[Json]:
        return tokens_of(drawn) if self._asked.wants_logprobs else []

    def _response(self, status: str, output: list[Json]) -> Json:
        asked = self._asked
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "completed_at": None,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": asked.instructions,
            "max_output_tokens": asked.max_output_tokens,
            "model": self._model.name,
            "output": output,
            "parallel_tool_calls": False,
            "previous_response_id": None,
            "store": False,
            "background": False,
            "temperature": asked.temperature,
            "top_p": asked.top_p,
            "top_logprobs": asked.top_logprobs,
            "text": {"format": asked.text.format.model_dump(by_alias=True)},
            "tool_choice": "none",
            "tools": [],
            "truncation": "disabled",
            "metadata": asked.metadata,
            "secretariat": provenance(self._model),
        }


def _usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.total_tokens,
    }
