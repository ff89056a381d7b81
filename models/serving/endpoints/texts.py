"""`/v1/embeddings`, `/v1/rerank`, `/v1/classify`, `/v1/tokenize` and `/v1/detokenize`: nothing is generated."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from secretariat.models.core import CallContext, ClassifyResult, TokenLabels
from secretariat.models.serving.addressing import labelling
from secretariat.models.serving.replies.texts import (
    classification_of,
    embeddings_of,
    ranking_of,
    token_labels_of,
)
from secretariat.models.serving.requests import call_of, parsed, shelf_of
from secretariat.models.serving.shelf import Shelf
from secretariat.models.serving.transport import while_connected
from secretariat.models.serving.wire.texts import Classify, Detokenize, Embeddings, Rerank, Tokenize


async def create_embeddings(request: Request) -> Response:
    asked = await parsed(Embeddings, request)
    call = call_of(request)
    async with shelf_of(request).embedder(asked.model) as model:
        result = await while_connected(request.receive, model.embed(asked.texts, call))
    return JSONResponse(embeddings_of(result, as_base64=asked.encoding_format == "base64"))


async def rerank(request: Request) -> Response:
    asked = await parsed(Rerank, request)
    call = call_of(request)
    async with shelf_of(request).embedder(asked.model) as model:
        ranking = model.rerank(asked.query, asked.texts, call, asked.top_n, asked.method)
        result = await while_connected(request.receive, ranking)
    shown = [d if isinstance(d, str) else d.model_dump(exclude_unset=True) for d in asked.documents]
    documents = [{"text": d} if isinstance(d, str) else d for d in shown]
    return JSONResponse(ranking_of(result, documents if asked.return_documents else None))


async def classify(request: Request) -> Response:
    asked = await parsed(Classify, request)
    work = _labelled(shelf_of(request), asked, call_of(request))
    result = await while_connected(request.receive, work)
    if isinstance(result, TokenLabels):
        return JSONResponse(token_labels_of(result))
    return JSONResponse(classification_of(result, asked.method))


async def _labelled(shelf: Shelf, asked: Classify, call: CallContext) -> ClassifyResult | TokenLabels:
    if asked.method == "head":
        async with shelf.classifier(asked.model) as classifier:
            if asked.task == "text":
                return await classifier.classify(asked.texts, call)
            return await classifier.label_tokens(asked.texts, call, merge=asked.aggregation != "none")
    if asked.method == "embedding":
        async with shelf.embedder(asked.model) as embedder:
            return await embedder.classify(asked.texts, asked.labels, call)
    expert = labelling(shelf.team(asked.model))
    async with shelf.chat(asked.model) as chat:
        return await chat.classify(asked.texts, asked.labels, call, asked.instruction, expert)


async def tokenize(request: Request) -> Response:
    asked = await parsed(Tokenize, request)
    call = call_of(request)
    if asked.kind == "embedding":
        async with shelf_of(request).embedder(asked.model) as embedder:
            return JSONResponse({"counts": await embedder.count_embedded(asked.texts, call)})
    async with shelf_of(request).chat(asked.model) as model:
        if not asked.return_tokens:
            return JSONResponse({"counts": await model.count_tokens(asked.texts, call)})
        tokens = await model.tokenize(asked.texts)
    return JSONResponse({"counts": [len(row) for row in tokens], "tokens": tokens})


async def detokenize(request: Request) -> Response:
    asked = await parsed(Detokenize, request)
    async with shelf_of(request).chat(asked.model) as model:
        return JSONResponse({"texts": await model.detokenize(asked.tokens)})
