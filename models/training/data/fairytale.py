"""FairytaleQA (arXiv:2203.13947, Apache-2.0): questions about stories, with the passage that answers each.

Answers that stand in their passage word for word become cited answers. Others are left out: the run of words most
like them begins or ends in the middle of a phrase too often, and that would be learnt.
"""

import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from secretariat.models.errors import ModelError
from secretariat.models.training.data.conversations import Conversation
from secretariat.models.training.data.forms import OTHERWISE, grounded
from secretariat.models.training.data.grounding import Posed, answered, sources

ORIGIN = "fairytaleqa"
UNANSWERABLE = 0.3  # to one that is answered
_LONGEST = 12  # words of an answer: a phrase, no passage


@dataclass(frozen=True, slots=True)
class Question:
    """`span`: the answer as it stands in the passage; None where it doesn't."""

    id: str
    story: str
    question: str
    answers: tuple[str, ...]
    passage: str
    span: str | None


def read(path: Path) -> list[Question]:
    """A file of the set, in its order. Raises ModelError training_invalid, with the line."""
    found = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ModelError("training_invalid", f"{path} can't be read: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            found.append(_question(f"{ORIGIN}-{path.stem}-{number}", row))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(
                "training_invalid", f"{path}, line {number}: not a question of the set ({error})"
            ) from error
    return found


def _question(name: str, row: dict[str, object]) -> Question:
    passage = " ".join(str(row["context"]).split())
    answers = tuple(str(each).strip().rstrip(".") for each in row["answers"])  # type: ignore[attr-defined]
    span = next((span for answer in answers if (span := _standing(passage, answer))), None)
    return Question(name, str(row["story"]), str(row["question"]).strip(), answers, passage, span)


def _standing(passage: str, answer: str) -> str | None:
    """The answer as the passage writes it, between word borders."""
    if not answer:
        return None
    found = re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", passage, re.IGNORECASE)
    return found[0] if found else None


def grounded_examples(questions: Sequence[Question], seed: int) -> Iterator[Conversation]:
    """Examples over some passages of one story: all questions about them whose answers can be copied from one
    alone, and some about the story's other passages, which nothing there answers. So the same sources are read
    once for many questions.
    """
    draw = random.Random(seed)  # noqa: S311 - repeatable
    stories: dict[str, dict[str, list[_Asked]]] = defaultdict(lambda: defaultdict(list))
    for each in questions:
        if each.span and len(each.span.split()) <= _LONGEST:
            posed = Posed(each.id, each.question, each.span, each.passage)
            stories[each.story][each.passage].append(_Asked(posed, (*each.answers, each.span)))
    for passages in stories.values():
        order = list(passages)
        draw.shuffle(order)
        while order:
            size = draw.choices((2, 3, 4), (2, 6, 1))[0]
            shown, order = order[:size], order[size:]
            about = [one for passage in shown for one in passages[passage]]
            strangers = [one for passage in order for one in passages[passage]]
            yield from _over_the_same(about, strangers, draw)


@dataclass(frozen=True, slots=True)
class _Asked:
    """`words`: any of them would answer."""

    posed: Posed
    words: tuple[str, ...]

    def stands_in(self, texts: Iterable[str]) -> list[str]:
        """Those texts that hold an answer."""
        return [
            text for text in texts if any(word.casefold() in text.casefold() for word in self.words if word)
        ]


def _over_the_same(
    about: Sequence[_Asked], strangers: Sequence[_Asked], draw: random.Random
) -> Iterator[Conversation]:
    documents = sources([one.posed for one in about], draw)
    texts = [document.text for document in documents]
    told = [one for one in about if len(one.stands_in(texts)) == 1]
    for one in told:
        if (answer := answered(one.posed, documents)) is not None:
            yield grounded(one.posed.question, documents).answered(answer, one.posed.id, ORIGIN)
    silent = [one for one in strangers if not one.stands_in(texts)]
    for one in draw.sample(silent, min(len(silent), round(UNANSWERABLE * len(told) + draw.random() / 2))):
        name = f"{one.posed.id}-elsewhere"
        yield grounded(one.posed.question, documents).answered(OTHERWISE, name, ORIGIN)
