"""What several kinds of answers hold: tokens with log-probabilities, usage, citations, where it came from."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from secretariat.models.core import Citation, ModelIdentity, Usage
from secretariat.models.engine.events import Drawn

Json = dict[str, Any]


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


def input_usage(usage: Usage) -> Json:
    """Of a request that generates nothing."""
    return {"prompt_tokens": usage.prompt_tokens, "total_tokens": usage.prompt_tokens}


def tokens_of(drawn: Iterable[Drawn]) -> list[Json]:
    return [
        _token(entry.token, entry.logprob)
        | {"top_logprobs": [_token(*other) for other in entry.alternatives]}
        for entry in drawn
    ]


def _token(token: bytes, logprob: float) -> Json:
    return {"token": token.decode(errors="replace"), "logprob": logprob, "bytes": list(token)}


def citations_of(citations: Iterable[Citation]) -> list[Json]:
    return [asdict(citation) | {"document_ids": list(citation.document_ids)} for citation in citations]
