"""An answer that rests on given documents: how they are laid into the prompt, and which citations hold.

Knows no tokens and no grammar.
"""

import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from secretariat.models.core import ChatMessage, ChatRequest, Citation, CitationConstraint, GroundingDocument
from secretariat.models.engine.citations import CitationReader, Cited
from secretariat.models.engine.events import Emission
from secretariat.models.errors import ModelError
from secretariat.models.tokens.chat import Turn

_OPENING = "Documents:\n\n"
_ASKING = (
    "Answer from the documents alone. Put what you take from a document between <co: ID> and </co: ID>,"
    " where ID is the document's.\n\n"
)


def turns_of(messages: Sequence[ChatMessage], documents: Sequence[GroundingDocument]) -> list[Turn]:
    """The conversation with the documents before the last message's words, each a part of its own.

    They share the last message, for templates take turns between user and assistant alone. The same documents in
    the same order are the same beginning, whatever is asked about them.
    """
    turns = [Turn.of(message) for message in messages]
    if not documents:
        return turns
    if messages[-1].role != "user":
        raise ModelError(
            "invalid_request", "documents ground the answer to a user's message", param="messages"
        )
    parts = (_OPENING, *map(_laid_out, documents), _ASKING, messages[-1].content)
    return [*turns[:-1], Turn("user", parts)]


def _laid_out(document: GroundingDocument) -> str:
    title = f" ({document.title})" if document.title else ""
    return f"Document {document.id}{title}:\n{document.text}\n\n"


def constraint_of(request: ChatRequest) -> CitationConstraint | None:
    """What an answer over the request's documents must look like; None without documents."""
    if not request.documents:
        return None
    ids = tuple(document.id for document in request.documents)
    if len(set(ids)) < len(ids):
        raise ModelError("invalid_request", "two documents have the same id", param="documents")
    texts = tuple(document.text for document in request.documents)
    weights = tuple(document.weight for document in request.documents)
    if request.citation_mode != "accurate":
        return CitationConstraint(ids, (), weights, request.leaning)
    sentences = tuple(document.sentences for document in request.documents)
    return CitationConstraint(ids, texts, weights, request.leaning, sentences)


async def cited(raw: AsyncGenerator[Emission, None], request: ChatRequest) -> AsyncGenerator[Emission, None]:
    """The answer without markup; each citation comes with the text that completes it, if it holds."""
    reader, text = CitationReader([document.id for document in request.documents]), ""
    async with contextlib.aclosing(raw):
        async for emission in raw:
            part = reader.push(emission.text)
            if emission.finish_reason is not None:
                rest = reader.finish()
                part = Cited(part.text + rest.text, part.citations + rest.citations)
            text += part.text
            found = (Citation(c.start, c.end, text[c.start : c.end], c.ids) for c in part.citations)
            citations = tuple(citation for citation in found if holds(citation, request))
            if part.text or citations or emission.drawn or emission.finish_reason is not None:
                yield replace(emission, text=part.text, citations=citations)


def holds(citation: Citation, request: ChatRequest) -> bool:
    """Whether its documents exist and, in accurate mode, have the cited text word for word."""
    texts = {document.id: document.text for document in request.documents}
    if not citation.document_ids or not texts.keys() >= set(citation.document_ids):
        return False
    accurate = request.citation_mode == "accurate"
    return not accurate or all(citation.text in texts[document] for document in citation.document_ids)
