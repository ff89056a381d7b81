"""CLINC150 (arXiv:1909.02027, CC BY 3.0), its training part: what a request wants, among a few named intents.

Labels are spelled as words. Out of scope is a label of its own, as the product offers it.
"""

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from secretariat.models.errors import ModelError
from secretariat.models.training.data.conversations import Conversation
from secretariat.models.training.data.forms import labelled

ORIGIN = "clinc150"
OUTSIDE = "something else"
_FEWEST, _MOST = 4, 24


def read(path: Path, parts: Sequence[str] = ("train", "oos_train")) -> list[tuple[str, str]]:
    """(text, intent as words) of the parts named. Raises ModelError training_invalid; refuses the test parts."""
    if any(part.endswith("test") for part in parts):
        raise ModelError("training_invalid", "the test part of CLINC150 is for testing only")
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        return [(str(text), _spelled(str(label))) for part in parts for text, label in held[part]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError("training_invalid", f"{path} isn't the set's data_full.json ({error})") from error


def _spelled(label: str) -> str:
    return OUTSIDE if label == "oos" else label.replace("_", " ")


def examples(rows: Sequence[tuple[str, str]], seed: int, count: int) -> Iterator[Conversation]:
    """Each with a few labels in any order, the right one among them, or only "something else"."""
    draw = random.Random(seed)  # noqa: S311 - repeatable
    labels = sorted({label for _, label in rows} - {OUTSIDE})
    for number in range(count):
        text, label = draw.choice(rows)
        others = draw.sample([each for each in labels if each != label], draw.randint(_FEWEST, _MOST))
        outside = label == OUTSIDE or draw.random() < 0.1
        offered = [*others, OUTSIDE] if outside else [*others, label, OUTSIDE]
        draw.shuffle(offered)
        answer = OUTSIDE if outside else label
        yield labelled(text, offered).answered(answer, f"{ORIGIN}-{seed}-{number}", ORIGIN)
