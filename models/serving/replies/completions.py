"""`text_completion`, whole and in chunks, with log-probabilities in their first form."""

import codecs
import time
import uuid
from collections.abc import Iterable, Sequence

from secretariat.models.core import FinishReason, ModelIdentity, Usage
from secretariat.models.engine.events import Drawn, Emission
from secretariat.models.serving.replies.parts import Json, provenance, usage_of


class CompletionReply:
    """The replies to one request share an id and a time; `logprobs` whether they tell tokens."""

    def __init__(self, model: ModelIdentity, *, logprobs: bool) -> None:
        self._model = model
        self._logprobs = logprobs
        self._id = f"cmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._offset = 0

    def whole(self, emissions: Sequence[Emission]) -> Json:
        last = emissions[-1]
        assert last.usage is not None
        text = "".join(emission.text for emission in emissions)
        drawn = [entry for emission in emissions for entry in emission.drawn]
        return self._frame([self._choice(text, drawn, last.finish_reason)]) | {
            "usage": usage_of(last.usage),
            "secretariat": provenance(self._model),
        }

    def parts(self, emission: Emission) -> list[Json]:
        last = emission.finish_reason is not None
        if not (emission.text or emission.drawn or last):
            return []
        part = self._frame([self._choice(emission.text, emission.drawn, emission.finish_reason)])
        return [part | {"secretariat": provenance(self._model)} if last else part]

    def usage(self, usage: Usage) -> Json:
        return self._frame([]) | {"usage": usage_of(usage)}

    def _choice(self, text: str, drawn: Sequence[Drawn], finish: FinishReason | None) -> Json:
        logprobs = self._columns(drawn) if self._logprobs else None
        return {"index": 0, "text": text, "finish_reason": finish, "logprobs": logprobs}

    def _columns(self, drawn: Iterable[Drawn]) -> Json:
        """A list each of tokens, log-probabilities, alternatives, and where in the answer a token begins."""
        columns: Json = {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}
        for entry in drawn:
            columns["tokens"].append(_spelled(entry.token))
            columns["token_logprobs"].append(entry.logprob)
            columns["top_logprobs"].append({_spelled(token): value for token, value in entry.alternatives})
            columns["text_offset"].append(self._pass(entry.token))
        return columns

    def _pass(self, token: bytes) -> int:
        """The offset of the character that the token begins in."""
        first = len(self._decoder.decode(token[:1]))
        unfinished = bool(self._decoder.getstate()[0])
        start = self._offset + first - (0 if unfinished or not token else 1)
        self._offset += first + len(self._decoder.decode(token[1:]))
        return start

    def _frame(self, choices: list[Json]) -> Json:
        return {
            "id": self._id,
            "object": "text_completion",
            "created": self._created,
            "model": self._model.name,
            "choices": choices,
        }


def _spelled(token: bytes) -> str:
    """The text, or the bytes where they are no whole characters: as keys they stay apart."""
    try:
        return token.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in token)
