"""From passages to the few sentences that could answer a question, best first.

Words decide: BM25 over the sentences (Robertson and Zaragoza 2009), with a share of what stands just above a
sentence. What the model is shown stays small, and how much of the question the passages cover says whether
they speak of it at all. Knows no model.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from secretariat.agents.core import RetrievedPassage
from secretariat.retrieval.core import Span
from secretariat.retrieval.index.lexical import Analyzer
from secretariat.retrieval.sentences import sentences

_K1, _B = 1.2, 0.6
_ABOVE = 0.35
_ASIDE = 0.35
_RANK = 0.15


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, list item or table row; `span` in the document's stored text."""

    passage: RetrievedPassage
    span: Span
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """Sentences, best first. `coverage`: the share [0, 1] of the question's weight found in one passage."""

    sentences: tuple[Sentence, ...]
    coverage: float


def gather(passages: Sequence[RetrievedPassage], question: str, aside: str, most: int) -> Evidence:
    """The `most` best sentences for the question. `aside` is what else is known: it counts for less."""
    analyzer = Analyzer()
    asked = set(analyzer.terms(question))
    told = set(analyzer.terms(aside)) - asked
    spans = [(rank, passage, span) for rank, passage in enumerate(passages) for span in _quotable(passage)]
    terms = [analyzer.terms(span.within(passage.text)) for _, passage, span in spans]
    weight = _Weights(terms)
    scored: list[Sentence] = []
    for index, (rank, passage, span) in enumerate(spans):
        above = _above(analyzer, passage, span)
        score = weight.score(terms[index], above, asked) + _ASIDE * weight.score(terms[index], above, told)
        where = Span(passage.start + span.start, passage.start + span.end)
        scored.append(Sentence(passage, where, span.within(passage.text), score / (1 + _RANK * rank)))
    best = sorted((entry for entry in scored if entry.score > 0), key=lambda entry: -entry.score)
    texts = [set(analyzer.terms(f"{passage.document} {passage.text}")) for passage in passages]
    return Evidence(tuple(_distinct(best)[:most]), weight.coverage(asked, texts))


class _Weights:
    """How telling a term is among these sentences (Lucene's idf, never negative)."""

    def __init__(self, sentences_: Sequence[Sequence[str]]) -> None:
        self._count = len(sentences_)
        self._with = Counter(term for terms in sentences_ for term in set(terms))
        self._mean = max(1.0, sum(map(len, sentences_)) / max(1, self._count))

    def __getitem__(self, term: str) -> float:
        found = self._with[term]
        return math.log1p((self._count - found + 0.5) / (found + 0.5))

    def score(self, terms: Sequence[str], above: set[str], wanted: set[str]) -> float:
        damped = (_K1 + 1) / (1 + _K1 * (1 - _B + _B * len(terms) / self._mean))
        own = set(terms) & wanted
        inherited = (above & wanted) - own
        return damped * sum(self[term] for term in own) + _ABOVE * sum(self[term] for term in inherited)

    def coverage(self, wanted: set[str], texts: Sequence[set[str]]) -> float:
        whole = sum(self[term] for term in wanted)
        found = (sum(self[term] for term in wanted & text) for text in texts)
        return max(found, default=0.0) / whole if whole else 0.0


def _quotable(passage: RetrievedPassage) -> list[Span]:
    """Sentences that say something: no headings, no table rules, no table heads."""
    text = passage.text
    spans = list(sentences(text, Span(0, len(text))))
    kept = []
    for index, span in enumerate(spans):
        line = span.within(text)
        heads_a_table = index + 1 < len(spans) and _is_rule(spans[index + 1].within(text))
        says = line.startswith(("-", "*", "•")) or "|" in line or "\t" in line or len(line.split()) > 4
        if says and not _is_rule(line) and not heads_a_table:
            kept.append(span)
    return kept


def _is_rule(line: str) -> bool:
    return not any(character.isalnum() for character in line)


def _above(analyzer: Analyzer, passage: RetrievedPassage, span: Span) -> set[str]:
    """Terms of the document's title, and of the two sentences before this one in the passage."""
    before = list(sentences(passage.text, Span(0, span.start)))[-2:]
    context = " ".join(part.within(passage.text) for part in before)
    return set(analyzer.terms(f"{passage.document} {context}"))


def _distinct(ranked: Sequence[Sentence]) -> list[Sentence]:
    seen: dict[str, Sentence] = {}
    for entry in ranked:
        seen.setdefault(entry.text, entry)
    return list(seen.values())
