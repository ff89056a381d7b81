"""Which language a text is in, by its letters (py3langid, model inside its package). Knows no format."""

from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

_SURE = 0.9
_LEAST_LETTERS = 40
_WINDOW = 700
_WINDOWS = 4


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
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _sample(text: str) -> str:
    """Stretches from all over: a document's beginning is often names, or in another language."""
    if len(text) <= _WINDOW * _WINDOWS:
        return text
    step = (len(text) - _WINDOW) // (_WINDOWS - 1)
    return "\n".join(text[start : start + _WINDOW] for start in range(0, step * _WINDOWS, step))
