"""From passages to the few sentences that could answer a question, best first.

Three things speak for a sentence: its words (BM25, Robertson and Zaragoza 2009, with a share of what stands just
above it), its meaning (cosine of embeddings, where the caller has them) and a number where the question asks for
one. How much of the question the passages cover says whether they speak of it at all. Knows no model.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from secretariat.agents.core import RetrievedPassage
from secretariat.retrieval.core import Span
from secretariat.retrieval.index.analyzer import Analyzer
from secretariat.retrieval.sentences import sentences

_K1, _B = 1.2, 0.6
_ABOVE = 0.35
_TOLD, _NEWS = 0.35, 0.8
_MEANING, _SPELLED_OUT, _NUMBER = 1.5, 0.7, 0.3
_SHORTLIST = 32
_HEADING_WORDS = 8
_NAME = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-Z]\w*|\b\w*\d\w*")
_SENTENCE_ENDS = '.!?…。！？:;”")'

_ASKING = """may can must should could would long many much often far fast soon early late i i'm am my me we us our
    kind"""
_ASKS_FOR_NUMBER = re.compile(
    r"\b(how (many|much|long|often|far|fast|soon|high|large)|when|percentage)\b", re.IGNORECASE
)
_NUMBER_WORD = re.compile(
    r"\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|once|twice|half|daily|weekly|monthly"
    r"|yearly)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, the request around it (without its other questions), and what earlier steps found.

    The names and numbers that are new in the findings (a class, a group, a code) are what a follow-up is about:
    "that group" is only answered by sentences that name it.
    """

    text: str
    request: str
    known: str = ""

    @property
    def names(self) -> str:
        """Names and numbers of the findings; before there are any, of the request."""
        return " ".join(dict.fromkeys(_NAME.findall(self.known or self.request)))

    @property
    def spelled_out(self) -> str:
        """The question with what it leaves unsaid: the names found before, or the request around it."""
        return f"{self.text} {self.names if self.known else self.request}"

    @property
    def wants_number(self) -> bool:
        return _ASKS_FOR_NUMBER.search(self.text) is not None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence, list item or table row as a passage of its own; `score` is by its words, 1 is all of them."""

    sentence: RetrievedPassage
    score: float

    @property
    def titled(self) -> str:
        """The sentence with its document's name, which often holds half of its meaning."""
        return f"{self.sentence.document}: {self.sentence.text}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Candidates, best first by words. `coverage`: the share [0, 1] of the question found in one passage.

    A place or a product that is named in the request counts: passages about another one don't speak of it.
    """

    candidates: tuple[Candidate, ...]
    coverage: float

    def best(
        self, question: Question, most: int, meaning: Sequence[float] = (), spelled_out: Sequence[float] = ()
    ) -> list[RetrievedPassage]:
        """The `most` best sentences.

        `meaning` and `spelled_out`: the cosine of each candidate with the question, and with it spelled out.
        """
        total = [
            candidate.score
            + (_MEANING * meaning[index] + _SPELLED_OUT * spelled_out[index] if meaning else 0.0)
            + (_NUMBER if question.wants_number and _NUMBER_WORD.search(candidate.sentence.text) else 0.0)
            for index, candidate in enumerate(self.candidates)
        ]
        order = sorted(range(len(total)), key=lambda index: -total[index])[:most]
        return [self.candidates[index].sentence.model_copy(update={"score": total[index]}) for index in order]


def gather(
    passages: Sequence[RetrievedPassage], question: Question, quoted: frozenset[str] = frozenset()
) -> Evidence:
    """What the passages hold for the question, without the sentences that were quoted for another one."""
    analyzer = Analyzer()
    asking = set(analyzer.terms(_ASKING))
    asked = set(analyzer.terms(question.text)) - asking
    requested = set(analyzer.terms(question.request)) - asked - asking
    names = set(analyzer.terms(question.names)) - asked - asking
    news = names - requested
    told = requested | set(analyzer.terms(question.known)) - asked - asking - news
    units = [unit for passage in passages for unit in _units(analyzer, passage)]
    weights = _Weights([unit.terms for unit in units])
    whole = weights.sum(asked) or 1.0
    needed = asked if question.known else asked | names
    scored = [
        Candidate(
            unit.sentence,
            (weights.score(unit, asked) + _TOLD * weights.score(unit, told) + _NEWS * weights.own(unit, news))
            / whole,
        )
        for unit in units
        if unit.sentence.text not in quoted
    ]
    texts = [set(analyzer.terms(f"{passage.document} {passage.text}")) for passage in passages]
    coverage = max((weights.sum(needed & text) for text in texts), default=0.0) / (weights.sum(needed) or 1.0)
    distinct = {candidate.sentence.text: candidate for candidate in reversed(scored)}
    best = sorted(distinct.values(), key=lambda candidate: -candidate.score)
    return Evidence(tuple(best[:_SHORTLIST]), coverage)


@dataclass(frozen=True, slots=True)
class _Unit:
    sentence: RetrievedPassage
    terms: tuple[str, ...]
    above: frozenset[str]


class _Weights:
    """How telling a term is among these sentences (Lucene's idf, never negative)."""

    def __init__(self, sentences_: Sequence[Sequence[str]]) -> None:
        self._count = len(sentences_)
        self._with = Counter(term for terms in sentences_ for term in set(terms))
        self._mean = max(1.0, sum(map(len, sentences_)) / max(1, self._count))

    def sum(self, terms: AbstractSet[str]) -> float:
        return sum(self._of(term) for term in sorted(terms))

    def own(self, unit: _Unit, wanted: AbstractSet[str]) -> float:
        damped = (_K1 + 1) / (1 + _K1 * (1 - _B + _B * len(unit.terms) / self._mean))
        return damped * self.sum(set(unit.terms) & wanted)

    def score(self, unit: _Unit, wanted: AbstractSet[str]) -> float:
        return self.own(unit, wanted) + _ABOVE * self.sum((unit.above & wanted) - set(unit.terms))

    def _of(self, term: str) -> float:
        found = self._with[term]
        return math.log1p((self._count - found + 0.5) / (found + 0.5))


def _units(analyzer: Analyzer, passage: RetrievedPassage) -> list[_Unit]:
    """Sentences that say something, each with the terms of the title and of the two sentences above it.

    What stands above a table row or a list item is what stands above the table or the list.
    """
    text = passage.text
    spans = list(sentences(text, Span(0, len(text))))
    lines = [span.within(text) for span in spans]
    units = []
    for index, (span, line) in enumerate(zip(spans, lines, strict=True)):
        heads_a_table = index + 1 < len(lines) and _is_rule(lines[index + 1])
        if heads_a_table or not _says_something(line):
            continue
        above = [line for line in lines[:index] if not _is_listed(line)][-2:]
        where = {
            "start": passage.start + span.start,
            "end": passage.start + span.end,
            "text": line,
        }
        context = frozenset(analyzer.terms(" ".join([passage.document, *above])))
        terms = tuple(analyzer.terms(line))
        units.append(_Unit(passage.model_copy(update=where), terms, context))
    return units


def _says_something(line: str) -> bool:
    """Headings and table rules don't: a heading is a short line of its own that doesn't end like a sentence."""
    return not _is_rule(line) and (
        _is_listed(line) or len(line.split()) > _HEADING_WORDS or line[-1] in _SENTENCE_ENDS
    )


def _is_listed(line: str) -> bool:
    return line.startswith(("-", "*", "•")) or "|" in line or "\t" in line


def _is_rule(line: str) -> bool:
    return not any(character.isalnum() for character in line)
