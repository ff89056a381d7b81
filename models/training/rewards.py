"""What an answer is worth, told by a program: from 0 to 1 for each thing that its task expects.

A reward gives None for a task that doesn't ask for what it judges, so that one mixture of tasks trains with one
set of weights. Knows no tokens and no networks.
"""

import json
import string
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Self

import regex
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable

from secretariat.models.engine.citations import Citation, CitationReader
from secretariat.models.errors import ModelError
from secretariat.models.training.job import invalid

ABSTENTION = "NOT IN THE SOURCES"
_ARTICLES = regex.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_JSON_SPACE = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of a right answer; what isn't given isn't judged.

    `answers`: any of them will do. `source`: the id of the document to cite, one of `texts`. `abstains`: whether
    the answer must be that the documents don't hold one.
    """

    answers: tuple[str, ...] = ()
    source: str | None = None
    schema: Mapping[str, Any] | None = None
    abstains: bool | None = None
    texts: Mapping[str, str] | None = None

    @classmethod
    def of(cls, settings: Mapping[str, Any], texts: Mapping[str, str]) -> Self:
        """From a task's record and its documents by id. Raises ValueError in words for its author."""
        if stray := settings.keys() - {"answers", "source", "schema", "abstains"}:
            raise ValueError(f"expects {min(stray)!r}, which nothing judges")
        answers, source, schema = settings.get("answers", ()), settings.get("source"), settings.get("schema")
        abstains = settings.get("abstains")
        if isinstance(answers, str) or not all(isinstance(answer, str) for answer in answers):
            raise ValueError("expects answers that are no list of texts")
        if source is not None and source not in texts:
            raise ValueError(f"expects a citation of {source!r}, which isn't among its documents")
        if abstains not in (None, True, False):
            raise ValueError("expects abstains to be true or false")
        if schema is not None:
            _check_schema(schema)
        return cls(tuple(answers), source, schema, abstains, dict(texts))

    @classmethod
    def of_answer(cls, answer: str, texts: Mapping[str, str]) -> Self:
        """What a right answer shows of itself: its words, the one source that it cites, or that it abstains."""
        said = Said.of(answer)
        if plain(said.text) == plain(ABSTENTION):
            return cls(abstains=True, texts=dict(texts))
        cited = {name for citation in said.citations for name in citation.ids} & texts.keys()
        source = cited.pop() if len(cited) == 1 else None
        return cls((said.text,), source, abstains=False if texts else None, texts=dict(texts))


def _check_schema(schema: object) -> None:
    try:
        Draft202012Validator.check_schema(schema)  # type: ignore[arg-type]  # a wrong type is what it tells
    except SchemaError as error:
        raise ValueError(f"expects JSON by a schema that is none: {error.message}") from error


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as its reader sees it: the text without markup, and what it cites."""

    text: str
    citations: tuple[Citation, ...]

    @classmethod
    def of(cls, answer: str) -> Self:
        reader = CitationReader()
        most, rest = reader.push(answer), reader.finish()
        return cls(most.text + rest.text, most.citations + rest.citations)


def plain(text: str) -> str:
    """In small letters, without punctuation and articles, words one space apart: SQuAD's way to compare."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact(said: Said, expected: Expected) -> float | None:
    if not expected.answers:
        return None
    return float(plain(said.text) in map(plain, expected.answers))


def contains(said: Said, expected: Expected) -> float | None:
    """Whether the words of an expected answer stand in it, one after the other."""
    if not expected.answers:
        return None
    words = f" {plain(said.text)} "
    return float(any(f" {plain(answer)} " in words for answer in expected.answers))


def overlap(said: Said, expected: Expected) -> float | None:
    """SQuAD's F1 over words, of the expected answer that it comes nearest to."""
    if not expected.answers:
        return None
    return max(_f1(plain(said.text).split(), plain(answer).split()) for answer in expected.answers)


def _f1(said: list[str], expected: list[str]) -> float:
    if not said or not expected:
        return float(said == expected)
    shared = (Counter(said) & Counter(expected)).total()
    return 2 * shared / (len(said) + len(expected))


def cites(said: Said, expected: Expected) -> float | None:
    """Whether it cites the right source and no other, with words that stand there."""
    if expected.source is None:
        return None
    assert expected.texts is not None
    source = _spaced(expected.texts[expected.source])
    return float(
        bool(said.citations)
        and all(
            citation.ids == (expected.source,) and _spaced(said.text[citation.start : citation.end]) in source
            for citation in said.citations
        )
    )


def _spaced(text: str) -> str:
    return " ".join(text.split())


def valid_json(said: Said, expected: Expected) -> float | None:
    """Whether it is one JSON value, and nothing beside it, that the schema accepts. Raises ModelError
    training_invalid for a schema that leans on another one outside of it."""
    if expected.schema is None:
        return None
    try:
        value = json.loads(said.text.strip(_JSON_SPACE), parse_constant=_no_number)
    except (ValueError, RecursionError):
        return 0.0
    try:
        # Without a registry of its own the library would fetch what a schema refers to from the network.
        return float(Draft202012Validator(expected.schema, registry=Registry()).is_valid(value))
    except Unresolvable as error:
        raise ModelError(
            "training_invalid", f"a task's schema refers to {error.ref!r}, which isn't in it"
        ) from error


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def abstains(said: Said, expected: Expected) -> float | None:
    """Whether it abstains where it must, and only there."""
    if expected.abstains is None:
        return None
    return float((plain(said.text) == plain(ABSTENTION)) == expected.abstains)


Reward = Callable[[Said, Expected], float | None]
REWARDS: Mapping[str, Reward] = {
    reward.__name__: reward for reward in (exact, contains, overlap, cites, valid_json, abstains)
}


LEARNT = "learnt"
"""The name of what a reward model says, which comes from outside."""


@dataclass(frozen=True, slots=True)
class Worth:
    """`total`: the weighted mean of the `parts`, which are what the task asked for."""

    total: float
    parts: Mapping[str, float]


class Judge:
    """Several rewards with their weights. Raises ModelError("training_invalid") for an unknown one or a weight
    that isn't positive."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        known = (*REWARDS, LEARNT)
        for name, weight in weights.items():
            if name not in known:
                raise invalid("rewards", f"knows no {name!r}, only {', '.join(known)}")
            if not weight > 0:
                raise invalid("rewards", f"gives {name} a weight that isn't positive")
        if not weights:
            raise invalid("rewards", "is missing: what an answer should be judged by")
        self.weights = dict(weights)

    def asks(self, expected: Expected) -> bool:
        """Whether anything would judge an answer to such a task."""
        return LEARNT in self.weights or self.worth("", expected) is not None

    def worth(self, answer: str, expected: Expected, learnt: float | None = None) -> Worth | None:
        """None where the task expects nothing that these rewards judge. `learnt`: what a reward model says."""
        said = Said.of(answer)
        judged = {name: learnt if name == LEARNT else REWARDS[name](said, expected) for name in self.weights}
        parts = {name: value for name, value in judged.items() if value is not None}
        if not parts:
            return None
        whole = sum(self.weights[name] for name in parts)
        return Worth(sum(self.weights[name] * value for name, value in parts.items()) / whole, parts)
