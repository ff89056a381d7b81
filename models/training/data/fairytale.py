"""FairytaleQA (arXiv:2203.13947, Apache-2.0): questions about stories, with the passage that answers each.

Answers that stand in their passage word for word become cited answers; of the others, those of which the passage
has nearly all words in a row.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from secretariat.models.errors import ModelError
from secretariat.models.training.data.conversations import Conversation
from secretariat.models.training.data.grounding import Posed, example
from secretariat.models.training.data.ranking import Ranking

ORIGIN = "fairytaleqa"
UNANSWERABLE = 0.25
_NEAR = 0.8
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_LOOKED_AT, _OTHERS = 40, 5


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


def near(passage: str, answer: str) -> str | None:
    """The run of the passage's words most like the answer, if their token F1 is high."""
    wanted = Counter(word.casefold() for word in _WORD.findall(answer))
    spans = list(_WORD.finditer(passage))
    size = wanted.total()
    best, where = 0.0, (0, 0)
    for start in range(len(spans) if size > 1 else 0):
        held: Counter[str] = Counter()
        for end in range(start, min(len(spans), start + size + 2)):
            held[spans[end][0].casefold()] += 1
            score = 2 * (held & wanted).total() / (held.total() + size)
            if score > best:
                best, where = score, (spans[start].start(), spans[end].end())
    return passage[where[0] : where[1]] if best >= _NEAR else None


def grounded_examples(
    questions: Sequence[Question], seed: int, *, verbatim: bool = True
) -> Iterator[Conversation]:
    """An example for each question whose answer can be copied; a part of them with the passage taken away.

    Without `verbatim` also those of which the passage has nearly all words in a row: finding them takes a minute.

    The other sources are those nearest by their words, of the same story too, that don't hold the answer's words.
    """
    passages = list(dict.fromkeys(each.passage for each in questions))
    ranking = Ranking(passages)
    draw = random.Random(seed)  # noqa: S311 - repeatable
    for each in questions:
        span = each.span or (None if verbatim else near(each.passage, each.answers[0]))
        if span is None:
            continue
        near_by = ranking.best(each.question)[:_LOOKED_AT]
        others = [passages[place] for place in near_by if not _holds(passages[place], each, span)]
        posed = Posed(each.id, each.question, span, each.passage)
        if len(others) >= _OTHERS:
            answerable = draw.random() >= UNANSWERABLE
            yield example(posed, others, draw, answerable=answerable, origin=ORIGIN)


def _holds(passage: str, question: Question, span: str) -> bool:
    folded = passage.casefold()
    answers = (*question.answers, span)
    return passage == question.passage or any(each.casefold() in folded for each in answers if each)
