"""What a question's answer may rest on: passages that search finds, or whole documents as far as they fit."""

import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from uuid import UUID

from secretariat.models.client import ChatModel
from secretariat.models.core import CallContext, GroundingDocument
from secretariat.retrieval.core import DocumentTexts, Passage, Scope, Searcher, SearchRequest
from secretariat.retrieval.errors import DocumentNotFoundError
from secretariat.retrieval.search.confidence import log_odds
from secretariat.retrieval.search.sentence_weights import sentence_weights

DEPTH = 100  # passages that name the documents to be read whole
_SHOWN = 4  # passages shown to the model
_APART = 512  # tokens of the context that question, frame and answer take


@dataclass(frozen=True, slots=True)
class Found:
    """What one search for `question` came to; `seconds` is what it took, `confidence` as in SearchResult."""

    question: str
    passages: Sequence[Passage]
    seconds: float
    allowed: int
    denied: int
    index_seq: int
    confidence: float | None = None

    def weight(self, passage: Passage) -> float:
        """Natural log odds that it answers, with as many places as go on record; 0 where search claims nothing."""
        return 0.0 if self.confidence is None else round(log_odds(self.question, passage), 4)


@dataclass(frozen=True, slots=True)
class Sources:
    """`documents` are laid before the question; `origins`: the document that each comes from, by its number.

    Passages weigh what search makes of them. Whole documents weigh nothing: search judged a part of each.
    """

    documents: tuple[GroundingDocument, ...] = ()
    origins: tuple[UUID, ...] = ()

    @property
    def weighed(self) -> tuple[tuple[UUID, float], ...]:
        """The documents that they come from, in order, each with the weight that it was given."""
        return tuple((origin, one.weight) for origin, one in zip(self.origins, self.documents, strict=True))

    def of(self, numbers: AbstractSet[str]) -> set[UUID]:
        return {self.origins[int(number) - 1] for number in numbers}


async def found(searcher: Searcher, scope: Scope, request: SearchRequest) -> Found:
    """Raises RetrievalError, ModelError."""
    began = time.perf_counter()
    result = await searcher.search(scope, request)
    seconds = time.perf_counter() - began
    return Found(
        request.query,
        result.passages,
        seconds,
        result.allowed,
        result.denied,
        result.index_seq,
        result.confidence,
    )


def passages(of: Found, without: AbstractSet[UUID] = frozenset()) -> Sources:
    """The best ones, of documents that aren't withheld."""
    kept = [one for one in of.passages if one.chunk.document_id not in without][:_SHOWN]
    documents = tuple(_laid_before(str(number), one, of) for number, one in enumerate(kept, 1))
    return Sources(documents, tuple(one.chunk.document_id for one in kept))


def _laid_before(name: str, passage: Passage, of: Found) -> GroundingDocument:
    """Its sentences weigh by their words and the question's alone: whoever has both knows by how much."""
    chunk, weight = passage.chunk, of.weight(passage)
    sentences = () if of.confidence is None else sentence_weights(of.question, chunk.text)
    return GroundingDocument(name, chunk.text, chunk.document_title, weight, sentences)


@dataclass(frozen=True, slots=True)
class Whole:
    """Reads whole documents for a model of `context_length` tokens, as the person whose authority `texts` asks."""

    texts: DocumentTexts
    scope: Scope
    chat: ChatModel
    call: CallContext
    context_length: int

    async def documents(self, of: Found, without: AbstractSet[UUID] = frozenset()) -> Sources:
        """Those of the best passages, as many as fit; the first that doesn't is cut and is the last."""
        order = dict.fromkeys(one.chunk.document_id for one in of.passages)
        room = self.context_length - _APART
        taken: list[GroundingDocument] = []
        origins: list[UUID] = []
        for document_id in order:
            if document_id in without or room <= 0:
                continue
            try:
                document = await self.texts.text(self.scope, document_id)
            except DocumentNotFoundError:
                continue
            text, tokens = await self._fitting(document.text, room)
            room -= tokens if text == document.text else room
            taken.append(GroundingDocument(str(len(taken) + 1), text, document.title))
            origins.append(document_id)
        return Sources(tuple(taken), tuple(origins))

    async def _fitting(self, text: str, room: int) -> tuple[str, int]:
        """A text that is far too long is cut before it is counted: a token has one character at least."""
        (tokens,) = await self.chat.count_tokens([text[: room * _MOST_CHARACTERS]], self.call)
        if tokens <= room and len(text) <= room * _MOST_CHARACTERS:
            return text, tokens
        kept = text[: int(min(len(text), room * _MOST_CHARACTERS) * room / max(tokens, room) * _CAUTION)]
        return kept, room


_MOST_CHARACTERS = 8  # of a token, in the mean of any text
_CAUTION = 0.9  # tokens aren't spread evenly over a text
