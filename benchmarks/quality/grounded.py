"""Questions over three sources: what was answered, what cited, and when nothing was said.

The same for every set: the passage that answers and the two nearest others by BM25, in any order; a fifth of the
questions have it replaced by a third one. Knows no model.
"""

import random
import re
import string
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.quality.ranking import Ranking
from secretariat.models.core import ChatResult, GroundingDocument
from secretariat.models.training.data.forms import OTHERWISE, Asked, grounded

SOURCES, REPLACED = 3, 0.2
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_MARKS = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True)
class Question:
    """`gold`: place of its passage. `answers`: none where words aren't compared."""

    id: str
    text: str
    gold: int
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """A question with its sources. `gold`: the id of the source that answers, None where it was replaced.

    `nearest`: the source that BM25 ranks first.
    """

    question: Question
    documents: tuple[GroundingDocument, ...]
    gold: str | None
    nearest: str

    @property
    def asked(self) -> Asked:
        return grounded(self.question.text, self.documents)


def items(questions: Sequence[Question], passages: Sequence[str], seed: int) -> list[Item]:
    ranking, draw = Ranking(passages), random.Random(seed)  # noqa: S311 - repeatable
    return [_item(question, passages, ranking.best(question.text), draw) for question in questions]


def _item(question: Question, passages: Sequence[str], order: Sequence[int], draw: random.Random) -> Item:
    ranked = [*order, *(place for place in range(len(passages)) if place not in set(order))]
    others = [place for place in ranked if place != question.gold]
    answerable = draw.random() >= REPLACED
    shown = [question.gold, *others[: SOURCES - 1]] if answerable else others[:SOURCES]
    draw.shuffle(shown)
    documents = tuple(GroundingDocument(str(n), passages[place]) for n, place in enumerate(shown, 1))
    names = {place: document.id for place, document in zip(shown, documents, strict=True)}
    nearest = min(shown, key=ranked.index)
    return Item(question, documents, names.get(question.gold), names[nearest])


@dataclass(frozen=True, slots=True)
class Judged:
    """`words`: token F1 with the nearest expected answer; 0 where nothing was answered."""

    item: Item
    abstained: bool
    words: float
    cited_gold: bool
    ended: bool


def judged(item: Item, result: ChatResult) -> Judged:
    said, abstained = said_words(result), said_nothing(result)
    words = 0.0 if abstained else max((token_f1(said, each) for each in item.question.answers), default=0.0)
    cited = {name for each in result.citations for name in each.document_ids}
    return Judged(item, abstained, words, cited == {item.gold}, result.finish_reason == "stop")


def said_words(result: ChatResult) -> str:
    """What stands in citations is the answer; without any, all that was said."""
    return " ".join(each.text for each in result.citations) or result.text


def said_nothing(result: ChatResult) -> bool:
    said = result.text.strip()
    return not result.citations and (not said or OTHERWISE.casefold() in said.casefold())


def token_f1(said: str, expected: str) -> float:
    """SQuAD's (arXiv:1606.05250): without case, punctuation and articles."""
    ours, theirs = _tokens(said), _tokens(expected)
    shared = (Counter(ours) & Counter(theirs)).total()
    return 2 * shared / (len(ours) + len(theirs)) if shared else 0.0


def _tokens(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.casefold().translate(_MARKS)).split()


@dataclass(frozen=True, slots=True)
class Score:
    """Shares, [0, 1]. `words` over all answerable, `cited` over those of them that were answered.

    `nearest`: what citing the source that BM25 ranks first would score.
    """

    questions: int
    words: float
    cited: float
    nearest: float
    abstained_rightly: float
    abstained_wrongly: float
    ended: float


def score(results: Sequence[Judged]) -> Score:
    answerable = [each for each in results if each.item.gold is not None]
    without = [each for each in results if each.item.gold is None]
    answered = [each for each in answerable if not each.abstained]
    return Score(
        questions=len(results),
        words=_share(each.words for each in answerable),
        cited=_share(each.cited_gold for each in answered),
        nearest=_share(each.item.nearest == each.item.gold for each in answerable),
        abstained_rightly=_share(each.abstained for each in without),
        abstained_wrongly=_share(each.abstained for each in answerable),
        ended=_share(each.ended for each in results),
    )


def _share(values: Iterable[float]) -> float:
    held = [float(each) for each in values]
    return sum(held) / len(held) if held else 0.0
