"""Lists of vectors, ranks and labels, and the list of models."""

import base64
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

import numpy as np

from secretariat.models.core import (
    ClassifyResult,
    EmbeddingResult,
    ModelCard,
    ModelIdentity,
    RerankResult,
    TokenLabels,
    Usage,
)
from secretariat.models.serving.replies.parts import Json, input_usage, provenance


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
        "usage": input_usage(result.usage),
        "secretariat": provenance(result.model),
    }


def ranking_of(result: RerankResult, documents: Sequence[Json] | None) -> Json:
    """`documents` to show beside their ranks, if any."""

    def item(index: int, relevance: float) -> Json:
        shown = {} if documents is None else {"document": documents[index]}
        return {"index": index, "relevance_score": relevance, **shown}

    return {
        "id": f"rerank-{uuid.uuid4().hex}",
        "object": "list",
        "model": result.model.name,
        "method": result.method,
        "results": [item(ranked.index, ranked.relevance) for ranked in result.ranked],
        "usage": input_usage(result.usage),
        "secretariat": provenance(result.model),
    }


def classification_of(result: ClassifyResult, method: str) -> Json:
    data = [
        {"index": index, "label": scores[0].label, "scores": [asdict(score) for score in scores]}
        for index, scores in enumerate(result.scores)
    ]
    return _labelled(data, method, result.usage, result.model)


def token_labels_of(result: TokenLabels) -> Json:
    data = [
        {"index": index, "spans": [asdict(span) for span in spans]}
        for index, spans in enumerate(result.spans)
    ]
    return _labelled(data, "head", result.usage, result.model)


def _labelled(data: Sequence[Json], method: str, usage: Usage, model: ModelIdentity) -> Json:
    return {
        "id": f"classify-{uuid.uuid4().hex}",
        "object": "list",
        "model": model.name,
        "method": method,
        "data": data,
        "usage": input_usage(usage),
        "secretariat": provenance(model),
    }


def models_of(cards: Iterable[ModelCard]) -> Json:
    return {"object": "list", "data": [model_of(card) for card in cards]}


def model_of(card: ModelCard) -> Json:
    ours: Mapping[str, object] = {key: value for key, value in asdict(card).items() if key != "name"}
    return {
        "id": card.name,
        "object": "model",
        "created": 0,
        "owned_by": "secretariat",
        "secretariat": ours,
    }
