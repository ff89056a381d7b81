"""Do training texts repeat what models are tested on? Runs of 13 words, as for GPT-3 (arXiv:2005.14165).

A shorter text of a test, down to eight words, counts as a whole. Case, punctuation and white space don't matter.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from secretariat.models.errors import ModelError

RUN, SHORTEST = 13, 8
_NAMED = 5
_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


@dataclass(frozen=True, slots=True)
class Overlap:
    """`test`: where in the tests the words stand; `record`: which training record has them."""

    test: str
    record: str
    words: str


class Guard:
    """What must not be trained on. `texts`: where each stands, and the text."""

    def __init__(self, texts: Iterable[tuple[str, str]]) -> None:
        self._runs: dict[int, dict[int, str]] = {}
        for place, text in texts:
            spoken = words(text)
            if len(spoken) >= SHORTEST:
                size = min(RUN, len(spoken))
                held = self._runs.setdefault(size, {})
                for run in _runs(spoken, size):
                    held.setdefault(hash(run), place)

    def overlaps(self, record: str, texts: Iterable[str]) -> Iterator[Overlap]:
        """The first one of each text."""
        for text in texts:
            found = self._first(words(text))
            if found is not None:
                yield Overlap(found[0], record, found[1])

    def _first(self, spoken: Sequence[str]) -> tuple[str, str] | None:
        for size, held in self._runs.items():
            for run in _runs(spoken, size):
                place = held.get(hash(run))
                if place is not None:
                    return place, run
        return None


def _runs(spoken: Sequence[str], size: int) -> Iterator[str]:
    return (" ".join(spoken[start : start + size]) for start in range(len(spoken) - size + 1))


def refuse_overlaps(guard: Guard, records: Iterable[tuple[str, Sequence[str]]]) -> None:
    """`records`: names and texts. Raises ModelError training_invalid with the places, and without the words."""
    found = [overlap for name, texts in records for overlap in guard.overlaps(name, texts)]
    if found:
        named = "; ".join(f"{one.record} repeats {one.test}" for one in found[:_NAMED])
        more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise ModelError(
            "training_invalid",
            f"training texts repeat words of what is tested on: {named}{more}",
            param="data",
        )


def refuse_files(tests: Iterable[Path], data: Iterable[Path]) -> None:
    """Of any kind of record. Raises ModelError training_invalid with the places."""
    refuse_overlaps(Guard(texts_below(tests)), ((place, [text]) for place, text in texts_below(data)))


def texts_below(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Every string of the JSON, JSONL and YAML files at or below these paths, and every line of other texts.

    Raises ModelError training_invalid for a path that isn't there: a guard that guards nothing must not pass.
    """
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        if not any(file.is_file() for file in files):
            raise ModelError("training_invalid", f"nothing to guard at {path}")
        for file in files:
            if file.suffix in (".json", ".jsonl", ".yaml", ".yml", ".md", ".txt", ".tsv"):
                yield from _texts_in(file)


def _texts_in(file: Path) -> Iterator[tuple[str, str]]:
    raw = file.read_text(encoding="utf-8")
    if file.suffix in (".yaml", ".yml"):
        yield from _strings(file.name, yaml.safe_load(raw))
        return
    if file.suffix == ".json":
        try:
            yield from _strings(file.name, json.loads(raw))
        except json.JSONDecodeError:  # some sets name files of JSON lines so
            pass
        else:
            return
    for number, line in enumerate(raw.splitlines(), 1):
        place = f"{file.name}, line {number}"
        try:
            yield from _strings(place, json.loads(line))
        except json.JSONDecodeError:
            yield place, line


def _strings(place: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        named = str(value.get("id", "")) if "id" in value else ""
        for key, each in value.items():
            yield from _strings(f"{place} {named or key}" if isinstance(each, str) else place, each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(place, each)
