"""FairytaleQA (arXiv:2203.13947, Apache-2.0): questions about stories, with the passage that answers each.

Answers that stand in their passage word for word become cited answers; of the others, those of which the passage
has nearly all words in a row.
"""

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from secretariat.models.errors import ModelError
from secretariat.models.training.data.conversations import Conversation
from secretariat.models.training.data.forms import OTHERWISE, grounded
from secretariat.models.training.data.grounding import Posed, answered, sources
from secretariat.models.training.data.ranking import Ranking

ORIGIN = "fairytaleqa"
UNANSWERABLE = 0.2
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
    """An example for each question whose answer can be copied: those of a passage over the same sources, so that
    they are read once. Without `verbatim` also those of which the passage has nearly all words in a row: finding
    them takes a minute.

    The other sources are those nearest by their words, of the same story too, that don't hold the answers' words.
    For a part of the passages one of these stands in the passage's place, and there a question of elsewhere in the
    story is put beside: nothing there answers.
    """
    posed = [
        Posed(each.id, each.question, span, each.passage)
        for each in questions
        if (span := each.span or (None if verbatim else near(each.passage, each.answers[0]))) is not None
    ]
    by_passage: dict[str, list[Posed]] = defaultdict(list)
    for one in posed:
        by_passage[one.passage].append(one)
    stories = {each.id: each.story for each in questions}
    answers = {each.id: tuple(filter(None, (*each.answers, each.span))) for each in questions}
    passages = list(dict.fromkeys(each.passage for each in questions))
    ranking, draw = Ranking(passages), random.Random(seed)  # noqa: S311 - repeatable
    for passage, asked in by_passage.items():
        near_by = ranking.best(" ".join(one.question for one in asked))[:_LOOKED_AT]
        words = [answer.casefold() for one in asked for answer in answers[one.id]]
        others = [
            text
            for text in map(passages.__getitem__, near_by)
            if text != passage and not any(word in text.casefold() for word in words)
        ]
        if len(others) < _OTHERS:
            continue
        story = stories[asked[0].id]
        elsewhere = [one for one in posed if stories[one.id] == story and one.passage != passage]
        yield from _over_the_same(asked, others, elsewhere, answers, draw)


def _over_the_same(
    asked: Sequence[Posed], others: Sequence[str], elsewhere: Sequence[Posed],
    answers: Mapping[str, Sequence[str]], draw: random.Random,
) -> Iterator[Conversation]:  # fmt: skip
    answerable = draw.random() >= UNANSWERABLE
    documents = sources(asked, others, draw, answerable=answerable)
    for one in asked:
        if (answer := answered(one, documents, answerable=answerable)) is not None:
            yield grounded(one.question, documents).answered(answer, one.id, ORIGIN)
    if answerable and elsewhere:
        stranger = draw.choice(elsewhere)
        shown = " ".join(document.text for document in documents).casefold()
        if not any(answer.casefold() in shown for answer in answers[stranger.id]):
            yield grounded(stranger.question, documents).answered(
                OTHERWISE, f"{stranger.id}-elsewhere", ORIGIN
            )
