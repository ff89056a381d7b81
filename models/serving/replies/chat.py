"""`chat.completion` and its chunks."""

import time
import uuid
from collections.abc import Sequence

from secretariat.models.core import FinishReason, ModelIdentity, Usage
from secretariat.models.engine.events import Emission
from secretariat.models.serving.replies.parts import Json, citations_of, provenance, tokens_of, usage_of


class ChatReply:
    """The replies to one chat request share an id and a time."""

    def __init__(self, model: ModelIdentity, *, logprobs: bool, grounded: bool) -> None:
        self._model = model
        self._logprobs = logprobs
        self._grounded = grounded
        self._id = f"chatcmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())

    def whole(self, emissions: Sequence[Emission]) -> Json:
        last = emissions[-1]
        assert last.usage is not None
        drawn = [entry for emission in emissions for entry in emission.drawn]
        content = "".join(emission.text for emission in emissions)
        message: Json = {"role": "assistant", "content": content, "refusal": None}
        if self._grounded:
            found = [citation for emission in emissions for citation in emission.citations]
            message["citations"] = citations_of(found)
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": last.finish_reason,
            "logprobs": {"content": tokens_of(drawn), "refusal": None} if self._logprobs else None,
        }
        return self._frame("chat.completion", [choice]) | {
            "usage": usage_of(last.usage),
            "secretariat": provenance(self._model),
            **_chosen(last),
        }

    def opening(self) -> Json:
        """Says already what answers: a reader may leave before the end."""
        begun = self._chunk({"role": "assistant", "content": ""}, None)
        return begun | {"secretariat": provenance(self._model)}

    def parts(self, emission: Emission) -> list[Json]:
        """What to send of a step: its text, then the citations that the text completes."""
        parts = []
        if emission.text or emission.drawn:
            logprobs = {"content": tokens_of(emission.drawn), "refusal": None}
            shown = logprobs if self._logprobs and emission.drawn else None
            parts.append(self._chunk({"content": emission.text}, None, shown))
        if emission.citations:
            parts.append(self._chunk({"citations": citations_of(emission.citations)}, None))
        return parts

    def closing(self, emission: Emission) -> Json:
        told = {"secretariat": provenance(self._model), **_chosen(emission)}
        return self._chunk({}, emission.finish_reason) | told

    def usage(self, usage: Usage) -> Json:
        return self._frame("chat.completion.chunk", []) | {"usage": usage_of(usage)}

    def _chunk(self, delta: Json, finish: FinishReason | None, logprobs: Json | None = None) -> Json:
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


def _chosen(last: Emission) -> Json:
    """Which of the experts answered, where there was a choice."""
    return {} if last.expert is None else {"expert": last.expert}
