"""A cited summary: the sentences that say most of each part of a document, each with its place.

The text is cut into parts of about a page; in each, the sentences nearest to what it is about (the mean of its
sentences' embeddings) stand for it, and of these the ones are kept that together say the most without saying it
twice (maximal marginal relevance, Carbonell and Goldstein, SIGIR 1998). Quotes are copied, so they can't be wrong
about the document. With a `rewrite` the chat model words each of them anew; a wording that can't be told to say
the same is flagged.
"""

import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from secretariat.agents.context import Prompt, Run, few_shot
from secretariat.agents.core import CitationClaim, Event, RetrievalCompleted, RetrievedPassage, TaskEvent
from secretariat.models.client import Embedder
from secretariat.models.core import CallContext, JsonSchemaConstraint
from secretariat.retrieval.cite import quote_sha256
from secretariat.retrieval.core import Span
from secretariat.retrieval.sentences import sentences

MOST_SENTENCES = 40
SAME_MEANING = 0.75  # cosine from which a new wording can say the same
_PART = 2500  # characters
_LEAST_WORDS, _MOST_WORDS = 5, 80
_MOST_READ = 6000  # sentences of one document
_BATCH = 128
_NEW = 0.7  # of relevance against repetition
_FACT = re.compile(r"\d[\d.,:]*|(?<![.!?]\s)(?<!^)\b[A-Z][\w-]+")

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
    """Sentences that say something, at most 6,000 of them."""
    found: list[Placed] = []
    part, began = 0, 0
    for span in sentences(text, Span(0, len(text))):
        if span.start - began > _PART:
            part, began = part + 1, span.start
        words = span.within(text).split()
        if _LEAST_WORDS <= len(words) <= _MOST_WORDS and words[-1][-1] in ".!?…。":
            found.append(Placed(span, part))
    return found[:_MOST_READ]


async def vectors_of(texts: Sequence[str], embedder: Embedder, call: CallContext) -> NDArray[np.float32]:
    """One unit vector a row. Raises ModelError."""
    rows: list[bytes] = []
    for start in range(0, len(texts), _BATCH):
        rows += (await embedder.embed(texts[start : start + _BATCH], call)).vectors
    return np.frombuffer(b"".join(rows), dtype="<f4").reshape(len(texts), -1)


def chosen(rows: NDArray[np.float32], parts: Sequence[int], most: int) -> list[int]:
    """The rows that together say the most, in the order of the text."""
    about = rows.mean(axis=0)
    nearest: list[int] = []
    for part in dict.fromkeys(parts):
        members = [row for row, of in enumerate(parts) if of == part]
        scores = rows[members] @ rows[members].mean(axis=0)
        best = np.argsort(-scores, kind="stable")[: max(1, most // len(set(parts)) + 1)]
        nearest += [members[int(row)] for row in best]
    kept: list[int] = []
    while nearest and len(kept) < most:
        told = [float((rows[kept] @ rows[row]).max()) if kept else 0.0 for row in nearest]
        worth = [
            _NEW * float(rows[row] @ about) - (1 - _NEW) * said
            for row, said in zip(nearest, told, strict=True)
        ]
        kept.append(nearest.pop(int(np.argmax(worth))))
    return sorted(kept)


async def summarise(
    run: Run, step: str, document_id: UUID, most: int, *, rewrite: bool
) -> AsyncIterator[TaskEvent | SummarySentence]:
    """Ends in the sentences. Raises DocumentNotFoundError, ModelError, LimitExceededError."""
    title, text = await run.context.texts.text(run.task.scope, document_id)
    found = placed(text)
    assert run.context.embedder is not None
    if not found:
        return
    rows = await vectors_of(
        [each.span.within(text) for each in found], run.context.embedder, run.context.call
    )
    kept = [found[row].span for row in chosen(rows, [each.part for each in found], most)]
    yield _read(step, document_id, title, text, kept)
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


def _read(step: str, document_id: UUID, title: str, text: str, kept: Sequence[Span]) -> RetrievalCompleted:
    passages = tuple(
        RetrievedPassage(
            document_id=document_id, document=title, chunk_id=document_id, start=span.start, end=span.end,
            text=span.within(text), score=0.0,
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
    """The new wording and whether it says the same: near in meaning, no name or number that the quote lacks."""
    try:
        wording = " ".join(str(json.loads(said)["sentence"]).split())
    except (ValueError, KeyError, TypeError):
        return " ".join(quote.split()), True
    if not wording:
        return " ".join(quote.split()), True
    if facts_of(wording) - facts_of(quote) - set(quote.split()):
        return wording, False
    assert run.context.embedder is not None
    first, second = await vectors_of([quote, wording], run.context.embedder, run.context.call)
    return wording, float(first @ second) >= SAME_MEANING


def facts_of(text: str) -> set[str]:
    """Numbers, and names that don't stand at the beginning of a sentence."""
    return {match[0].rstrip(".,:") for match in _FACT.finditer(text)}


def _claim(document_id: UUID, title: str, span: Span, quote: str) -> CitationClaim:
    return CitationClaim(
        document_id=document_id, document=title, start=span.start, end=span.end, quote=quote,
        quote_sha256=quote_sha256(quote), verified=True,
    )  # fmt: skip


def as_json(said: Sequence[SummarySentence]) -> list[dict[str, Any]]:
    return [sentence.model_dump(mode="json") for sentence in said]
