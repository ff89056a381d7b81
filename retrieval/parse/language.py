"""Which language a text is in, by its letters (py3langid, model inside its package). Knows no format."""

from array import array
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from py3langid.langid import MODEL_FILE, LanguageIdentifier

_SURE = 0.9
_LEAST_LETTERS = 40
_WINDOW = 700
_WINDOWS = 4
_TOGETHER = 128  # features


class _SharedIdentifier(LanguageIdentifier):  # type: ignore[misc]  # has no types
    """The same answers for a process that was forked for one document: it writes to little memory, since each page
    of it that is written to is copied first."""

    _rowbase: Sequence[int]
    tk_output: Sequence[int]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Reading a list's numbers counts references to them, which is writing.
        self._rowbase = array("q", self._rowbase)
        self.tk_output = array("q", self.tk_output)

    def _sparse_score(self, visits: Mapping[int, int], table: NDArray[np.float16]) -> NDArray[np.float32]:
        """In parts that take each other's place in memory."""
        features = np.fromiter(visits.keys(), dtype=np.intp, count=len(visits))
        weights = np.log1p(np.fromiter(visits.values(), dtype=np.float32, count=len(visits)))
        scores: NDArray[np.float32] = self.nb_pc.astype(np.float32)
        for start in range(0, len(features), _TOGETHER):
            part = slice(start, start + _TOGETHER)
            scores += weights[part] @ table[features[part]]
        return scores


def language_of(text: str) -> str | None:
    """ISO 639-1 code; None for texts that are too short, mixed, or not in a language."""
    sample = _sample(text)
    if sum(map(str.isalpha, sample)) < _LEAST_LETTERS:
        return None
    code, sure = identifier().classify(sample)
    return str(code) if sure >= _SURE and len(code) == 2 else None


@cache
def identifier() -> LanguageIdentifier:
    """Takes most of a second once in a process."""
    return _SharedIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _sample(text: str) -> str:
    """Stretches from all over: a document's beginning is often names, or in another language."""
    if len(text) <= _WINDOW * _WINDOWS:
        return text
    step = (len(text) - _WINDOW) // (_WINDOWS - 1)
    return "\n".join(text[start : start + _WINDOW] for start in range(0, step * _WINDOWS, step))
