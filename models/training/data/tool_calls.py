"""Calls of invented tools: names, schemas and requests drawn from operations, so that no two are alike.

A third has one tool, a third several, the rest tools none of which does what is asked.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from secretariat.models.training.data.conversations import Conversation
from secretariat.models.training.data.invented import Inventor
from secretariat.models.training.data.operations import OPERATIONS, SPOKEN_FLAGS, K, Kind, Operation
from secretariat.models.training.data.tool_form import Tool, called, calling

ORIGIN = "tools"
_ASKED = (
    "{verb} the {thing} {said}.", "Can you {verb} the {thing} {said}?", "I need you to {verb} the {thing} {said}.",
    "Please {verb} the {thing} {said}.", "{verb} {thing} {said}", "Could you help me {verb} the {thing} {said}?",
    "I'd like to {verb} the {thing} {said}.", "We have to {verb} the {thing} {said}. Can you do that?",
)  # fmt: skip
_QUESTIONS = ("What is the {thing} {said}?", "Tell me the {thing} {said}.", "How about the {thing} {said}?")
_OTHERS = (
    "Who wrote the letters that were read yesterday?", "What should I name my cat?", "Write a poem on autumn.",
    "Why is the sea salty?", "How do I get ink out of a shirt?", "Which of my two brothers is the older one?",
    "Explain how a vaccine works.", "Prove that there are infinitely many primes.", "Tell me a joke.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Use:
    """A tool made of an operation, which kind each of its parameters is, and a request for it."""

    tool: Tool
    operation: Operation
    kinds: dict[str, Kind]
    verb: str
    thing: str


def examples(seed: int, count: int) -> Iterator[Conversation]:
    draw = random.Random(seed)  # noqa: S311 - repeatable
    for number in range(count):
        case = draw.choices(("simple", "multiple", "irrelevant"), (0.35, 0.35, 0.3))[0]
        yield _example(draw, case, f"{ORIGIN}-{seed}-{number}")


def _example(draw: random.Random, case: str, name: str) -> Conversation:
    make = Inventor(draw)
    size = {"simple": 1, "multiple": draw.randint(2, 5), "irrelevant": draw.choice((1, 1, 1, 2, 4))}[case]
    uses = [_use(operation, make) for operation in draw.sample(OPERATIONS, size + 1)]
    asked = uses[0]
    request, arguments = _request(asked, make)
    if case == "irrelevant":
        if draw.random() < 0.4:
            uses[1] = _use(_near(asked.operation, draw), make)
        offered = [use.tool for use in uses[1:] if use.operation is not asked.operation]
        request = draw.choice(_OTHERS) if draw.random() < 0.15 else request
        return calling(request, offered).answered(called(None), name, ORIGIN)
    offered = [use.tool for use in uses[:size]]
    if case == "multiple" and draw.random() < 0.4:  # the same trade once more, under another name
        twin = _use(_near(asked.operation, draw), make)
        offered = [*offered[:-1], twin.tool] if twin.tool.name != asked.tool.name else offered
    draw.shuffle(offered)
    return calling(request, offered).answered(called(asked.tool, arguments), name, ORIGIN)


def _near(operation: Operation, draw: random.Random) -> Operation:
    """Another operation that takes some of the same."""
    shared = [each for each in OPERATIONS if each is not operation and set(each.needs) & set(operation.needs)]
    return draw.choice(shared or list(OPERATIONS))


def _use(operation: Operation, make: Inventor) -> _Use:
    draw = make.draw
    verb, thing = draw.choice(operation.verbs).replace("_", " "), draw.choice(operation.things)
    optional = [kind for kind in operation.may if draw.random() < 0.7]
    kinds: dict[str, Kind] = {}
    for key in (*operation.needs, *optional):
        free = [name for name in K[key].names if name not in kinds] or [key]
        kinds[draw.choice(free)] = K[key]
    required = list(kinds)[: len(operation.needs)]
    schema = {
        "type": "object",
        "properties": {name: _schema(kind, draw) for name, kind in kinds.items()},
        "required": required,
    }
    meaning = draw.choice(
        (
            operation.meaning,
            f"{verb} {thing}: {operation.meaning}",
            f"{operation.meaning}. Made to {verb} {thing}",
        )
    )
    return _Use(
        Tool(_name(verb, thing, draw), f"{meaning[0].upper()}{meaning[1:]}.", schema),
        operation,
        kinds,
        verb,
        thing,
    )


def _schema(kind: Kind, draw: random.Random) -> dict[str, Any]:
    meaning = kind.meaning + draw.choice(("", ".", "; from the request"))
    schema: dict[str, Any] = {"type": kind.type, "description": meaning}
    if kind.choices and draw.random() < 0.8:
        schema["enum"] = list(kind.choices)
    if kind.items:
        schema["items"] = {"type": kind.items}
    return schema


def _name(verb: str, thing: str, draw: random.Random) -> str:
    """snake_case, with a dot, or CamelCase, as people name functions."""
    words = [word for word in f"{verb} {thing}".split() if word not in ("a", "an", "the", "of")]
    style = draw.randrange(4)
    if style == 0 and len(words) > 1:
        return f"{'_'.join(words[1:])}.{words[0]}"
    if style == 1:
        return words[0] + "".join(word.capitalize() for word in words[1:])
    return "_".join(words)


def _request(use: _Use, make: Inventor) -> tuple[str, dict[str, Any]]:
    """Words that hold every needed value and some of the others; what is left out isn't an argument."""
    draw = make.draw
    given = {
        name: kind for name, kind in use.kinds.items()
        if name in use.tool.required or draw.random() < 0.5
    }  # fmt: skip
    arguments: dict[str, Any] = {}
    phrases = []
    for name, kind in given.items():
        phrase = draw.choice(kind.phrases)
        value = phrase in SPOKEN_FLAGS if kind.type == "boolean" else kind.value(make)
        arguments[name] = value
        phrases.append(phrase.format(v=_spoken(value, draw)))
    draw.shuffle(phrases)
    asks = use.verb in ("calculate", "compute", "get", "look up", "estimate", "check", "find")
    template = draw.choice(_ASKED + _QUESTIONS if asks else _ASKED)
    thing = use.thing.removeprefix("the ")
    for article in ("a ", "an "):
        thing = thing.removeprefix(article)
    said = _joined(phrases, draw)
    text = template.format(verb=use.verb, thing=thing, said=said)
    return text[0].upper() + text[1:], arguments


def _joined(phrases: Sequence[str], draw: random.Random) -> str:
    if len(phrases) < 3 or draw.random() < 0.5:
        return " ".join(phrases)
    return f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def _spoken(value: Any, draw: random.Random) -> str:
    if isinstance(value, list):
        parts = [_spoken(each, draw) for each in value]
        return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    if isinstance(value, int) and value >= 10_000 and draw.random() < 0.4:
        return f"{value:,}"
    return str(value)
