"""Sources weighed as the product's search weighs passages that it has looked at word by word, and their sentences.

Knows no set, no score and no chat model.
"""

from dataclasses import replace
from functools import cache

from benchmarks.ours import MODELS, THREADS
from benchmarks.quality.grounded import Item
from secretariat.models.core import GroundingDocument
from secretariat.models.engine.late_interaction import LateInteraction
from secretariat.models.nets.load_encoder import load_embedder
from secretariat.retrieval.search.confidence import LOOKED_AT, Signs, words_said
from secretariat.retrieval.search.sentence_weights import sentence_weights

EMBEDDER = MODELS / "all-minilm-l6-v2"
_COSINE = 0.0  # where the words' nearness is known, it counts for nothing


def weighed(item: Item) -> Item:
    question, documents = item.question.text, item.documents
    nearness, _ = _encoder().scores(question, [each.text for each in documents], "benchmark")
    pairs = zip(documents, nearness, strict=True)
    return replace(item, documents=tuple(_weighed(question, each, near) for each, near in pairs))


def _weighed(question: str, document: GroundingDocument, near: float) -> GroundingDocument:
    signs = Signs(_COSINE, words_said(question, document.text), near)
    weight, sentences = LOOKED_AT.log_odds(signs), sentence_weights(question, document.text)
    return replace(document, weight=round(weight, 4), sentences=sentences)


@cache
def _encoder() -> LateInteraction:
    return LateInteraction(load_embedder(EMBEDDER, threads=THREADS))
