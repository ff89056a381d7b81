"""A cited summary: the sentences that say most of each part of a document, each with its place.

The text is cut into as many stretches as there are to be sentences, where it has so many pages; for each of them
stands the sentence nearest to what it is about (the mean of its sentences' embeddings) that says least of what was
said before (maximal marginal relevance, Carbonell and Goldstein, SIGIR 1998). Quotes are copied, so they can't be
wrong about the document. With a `rewrite` the chat model words each of them anew; a wording that can't be told to
say the same is flagged.
"""

import json
import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from secretariat.agents.context import Prompt, Run, few_shot
from secretariat.agents.core import CitationClaim, Event, RetrievalCompleted, RetrievedPassage, TaskEvent
from secretariat.agents.documents.vouching import brings_in
from secretariat.models.client import Embedder
from secretariat.models.core import CallContext, JsonSchemaConstraint
from secretariat.retrieval.cite import quote_sha256
from secretariat.retrieval.core import DocumentText, Span
from secretariat.retrieval.sentences import sentences

MOST_SENTENCES = 40
SAME_MEANING = 0.75  # cosine from which a new wording can say the same
_PART = 2500  # characters
_LEAST_WORDS, _MOST_WORDS = 5, 80
_MOST_READ = 6000  # sentences of one document
_BATCH = 128
_NEW = 0.7  # of relevance against repetition

_SYSTEM = "Say the same in one short, plain sentence. Reply with JSON."
_SHOTS = (
    ("Visitors must, in any case, be signed in at the front desk before entering.",
     '{"sentence": "Visitors sign in at the front desk before they enter."}'),
    ("The fee of 12 florins that pupils are to pay is due on arrival.",
     '{"sentence": "Pupils pay 12 florins on arrival."}'),
)  # fmt: skip
_SCHEMA = JsonSchemaConstraint(
    json.dumps(
        {
            "type": "object",
            "properties": {"sentence": {"type": "string", "maxLength": 300}},
            "required": ["sentence"],
            "additionalProperties": False,
        }
    )
)


class SummarySentence(Event):
    """`supported`: the words are the quote's, or say the same as far as can be told."""

    text: str
    supported: bool
    citation: CitationClaim


@dataclass(frozen=True, slots=True)
class Placed:
    """A sentence and the part of the document that it stands in."""

    span: Span
    part: int


def placed(text: str) -> list[Placed]:
    """Sentences that say something; of very many, 6,000 from all over the text."""
    found: list[Placed] = []
    part, began = 0, 0
    for span in sentences(text, Span(0, len(text))):
        if span.start - began > _PART:
            part, began = part + 1, span.start
        words = span.within(text).split()
        if _LEAST_WORDS <= len(words) <= _MOST_WORDS and words[-1][-1] in ".!?…。":
            found.append(Placed(span, part))
    return found[:: math.ceil(len(found) / _MOST_READ)] if found else []


async def vectors_of(texts: Sequence[str], embedder: Embedder, call: CallContext) -> NDArray[np.float32]:
    """One unit vector a row. Raises ModelError."""
    rows: list[bytes] = []
    for start in range(0, len(texts), _BATCH):
        rows += (await embedder.embed(texts[start : start + _BATCH], call)).vectors
    return np.frombuffer(b"".join(rows), dtype="<f4").reshape(len(texts), -1)


def chosen(rows: NDArray[np.float32], parts: Sequence[int], most: int) -> list[int]:
    """The rows that stand for the text, in its order: one for each stretch of it, then the best of the others."""
    every = np.arange(len(rows))
    stretches = np.array_split(np.unique(parts), min(most, len(set(parts))))
    kept: list[int] = []
    for stretch in stretches:
        kept.append(_next(rows, every[np.isin(parts, stretch)], kept))
    while len(kept) < min(most, len(rows)):
        kept.append(_next(rows, np.setdiff1d(every, kept), kept))
    return sorted(kept)


def _next(rows: NDArray[np.float32], among: NDArray[np.int64], kept: Sequence[int]) -> int:
    """Of these rows the one nearest to what they are about that says least of what is kept already."""
    said = (rows[among] @ rows[list(kept)].T).max(axis=1) if kept else np.zeros(len(among))
    worth = _NEW * (rows[among] @ rows[among].mean(axis=0)) - (1 - _NEW) * said
    return int(among[int(np.argmax(worth))])


async def summarise(
    run: Run, step: str, document_id: UUID, most: int, *, rewrite: bool
) -> AsyncIterator[TaskEvent | SummarySentence]:
    """Ends in the sentences. Raises DocumentNotFoundError, ModelError, LimitExceededError."""
    document = await run.context.texts.text(run.task.scope, document_id)
    title, text = document.title, document.text
    found = placed(text)
    assert run.context.embedder is not None
    if not found:
        return
    rows = await vectors_of(
        [each.span.within(text) for each in found], run.context.embedder, run.context.call
    )
    kept = [found[row].span for row in chosen(rows, [each.part for each in found], most)]
    yield _read(step, document_id, document, kept)
    for number, span in enumerate(kept, 1):
        quote = span.within(text)
        wording, supported = " ".join(quote.split()), True
        if rewrite:
            call = f"{step}.rewrite.{number}"
            async for event in run.ask(_prompt(quote), call, step):
                yield event
            wording, supported = await _checked(run, quote, run.said(call).text)
        yield SummarySentence(
            text=wording, supported=supported, citation=_claim(document_id, title, span, quote)
        )


def _read(step: str, document_id: UUID, document: DocumentText, kept: Sequence[Span]) -> RetrievalCompleted:
    passages = tuple(
        RetrievedPassage(
            document_id=document_id, document=document.title, chunk_id=document_id, start=span.start,
            end=span.end, text=span.within(document.text), score=0.0, rule=document.rule,
        )
        for span in kept
    )  # fmt: skip
    return RetrievalCompleted(
        step=step, query="", passages=passages, allowed_count=1, denied_count=0, index_seq=0, unit="sentence"
    )


def _prompt(quote: str) -> Prompt:
    messages = few_shot(_SYSTEM, _SHOTS, " ".join(quote.split()))
    return Prompt("rewrite", messages, _SCHEMA, max_tokens=120)


async def _checked(run: Run, quote: str, said: str) -> tuple[str, bool]:
    """The new wording, and whether it says the same as far as can be told."""
    try:
        wording = " ".join(str(json.loads(said)["sentence"]).split())
    except (ValueError, KeyError, TypeError):
        return " ".join(quote.split()), True
    if not wording:
        return " ".join(quote.split()), True
    if brings_in(wording, quote):
        return wording, False
    assert run.context.embedder is not None
    first, second = await vectors_of([quote, wording], run.context.embedder, run.context.call)
    return wording, float(first @ second) >= SAME_MEANING


def _claim(document_id: UUID, title: str, span: Span, quote: str) -> CitationClaim:
    return CitationClaim(
        document_id=document_id, document=title, start=span.start, end=span.end, quote=quote,
        quote_sha256=quote_sha256(quote), verified=True,
    )  # fmt: skip


def as_json(said: Sequence[SummarySentence]) -> list[dict[str, Any]]:
    return [sentence.model_dump(mode="json") for sentence in said]
