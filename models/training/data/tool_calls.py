"""Calls of invented tools: names, schemas and requests drawn from operations, so that no two are alike.

Of one tool, of one among several, and of none, where no tool does what is asked though one may come near.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secretariat.models.training.data.conversations import Conversation
from secretariat.models.training.data.invented import Inventor
from secretariat.models.training.data.operations import OPERATIONS, Operation
from secretariat.models.training.data.parameters import SPOKEN_FLAGS, K, Kind
from secretariat.models.training.data.tool_form import Tool, called, calling

ORIGIN = "tools"
_TOGETHER = 3  # requests over the same tools
_SIZES = {1: 0.5, 2: 0.16, 3: 0.14, 4: 0.12, 5: 0.08}
_IRRELEVANT, _GENERAL, _NEAR = 0.4, 0.15, 0.7
_ASKED = (
    "{verb} {thing} {said}.", "Can you {verb} {thing} {said}?", "I need you to {verb} {thing} {said}.",
    "Please {verb} {thing} {said}.", "{verb} {thing} {said}", "Could you help me {verb} {thing} {said}?",
    "I'd like to {verb} {thing} {said}.", "We have to {verb} {thing} {said}. Can you do that?",
)  # fmt: skip
_QUESTIONS = ("What is {thing} {said}?", "Tell me {thing} {said}.", "What's {thing} {said}?")
_LEADS = ("Hi. ", "One more thing. ", "This is for my homework. ", "My boss wants to know. ")
_OTHERS = (
    "Who wrote the letters that were read yesterday?", "What should I name my cat?", "Write a poem on autumn.",
    "Why is the sea salty?", "How do I get ink out of a shirt?", "Which of my two brothers is the older one?",
    "Explain how a vaccine works.", "Prove that there are infinitely many primes.", "Tell me a joke.",
    "What does the word 'serendipity' mean?", "How many strings does a cello have?",
    "Who painted the ceiling there?",
    "What is the difference between a virus and a bacterium?", "How do bees find their way home?",
    "What is the tallest building that was ever torn down?", "How does a refrigerator work?", "Why do cats purr?",
    "How many players are on a volleyball team?", "What was the first computer game?", "Is a tomato a fruit?",
    "Which planet has the most moons?", "Summarise the last chapter.", "How do I tie a bow tie?",
    "What causes the northern lights?", "Who discovered penicillin?", "How long do you boil an egg?",
    "What is the chemical symbol for gold?", "How do I change a flat tyre?", "Give me three synonyms for 'quick'.",
)  # fmt: skip


_SMALL = ("a", "an", "the", "of", "in")
_SHORT_WORD = 4  # letters: those say little of what is done
_BARE = ("How", "Whether", "Which", "What", "Where", "Who", "The")


@dataclass(frozen=True, slots=True)
class _Use:
    """A tool made of an operation, which kind each of its parameters is, and a request for it."""

    tool: Tool
    operation: Operation
    kinds: dict[str, Kind]
    verb: str
    thing: str


@dataclass(frozen=True, slots=True)
class Case:
    """A request over tools, and the one that does it with its arguments; None where none does."""

    request: str
    tools: tuple[Tool, ...]
    wanted: Tool | None
    arguments: Mapping[str, Any]


def examples(seed: int, count: int) -> Iterator[Conversation]:
    for number, case in enumerate(cases(seed, count)):
        answer = called(case.wanted, case.arguments)
        yield calling(case.request, case.tools).answered(answer, f"{ORIGIN}-{seed}-{number}", ORIGIN)


def cases(seed: int, count: int) -> Iterator[Case]:
    draw = random.Random(seed)  # noqa: S311 - repeatable
    made = 0
    while made < count:
        uses = _offered(Inventor(draw))
        for _ in range(min(_TOGETHER, count - made)):
            yield _case(uses, Inventor(draw))
            made += 1


def _offered(make: Inventor) -> list[_Use]:
    """Tools none of which could stand in for another."""
    size = make.draw.choices(list(_SIZES), list(_SIZES.values()))[0]
    operations = [make.draw.choice(OPERATIONS)]
    while len(operations) < size:
        operations.append(_another(operations, make.draw))
    named = {use.tool.name: use for use in (_use(each, make) for each in operations)}
    uses = list(named.values())
    make.draw.shuffle(uses)
    return uses


def _another(held: Sequence[Operation], draw: random.Random) -> Operation:
    """One that none of `held` could stand in for; often it takes some of the same as one of them."""
    groups = {each.group for each in held if each.group}
    free = [each for each in OPERATIONS if each not in held and each.group not in groups]
    like = draw.choice(held)
    near = [each for each in free if _alike(each, like)]
    return draw.choice(near if near and draw.random() < _NEAR else free)


def _alike(one: Operation, other: Operation) -> bool:
    """They take some of the same, or are told in some of the same words."""
    return bool(set(one.needs) & set(other.needs) or _words(one) & _words(other))


def _words(operation: Operation) -> set[str]:
    said = " ".join((*operation.things, operation.meaning)).lower()
    return {word.strip(",.'") for word in said.split() if len(word) > _SHORT_WORD}


def _case(uses: Sequence[_Use], make: Inventor) -> Case:
    draw, tools = make.draw, tuple(use.tool for use in uses)
    if draw.random() >= _IRRELEVANT:
        asked = draw.choice(uses)
        request, arguments = _request(asked, make)
        return Case(request, tools, asked.tool, arguments)
    if draw.random() < _GENERAL:
        return Case(draw.choice(_OTHERS), tools, None, {})
    other = _use(_another([use.operation for use in uses], draw), make)
    return Case(_request(other, make)[0], tools, None, {})


def _use(operation: Operation, make: Inventor) -> _Use:
    draw = make.draw
    verb, thing = draw.choice(operation.verbs), draw.choice(operation.things)
    optional = [kind for kind in operation.may if draw.random() < 0.7]
    kinds: dict[str, Kind] = {}
    for key in (*operation.needs, *optional):
        free = [name for name in K[key].names if name not in kinds] or [key]
        kinds[draw.choice(free)] = K[key]
    required = list(kinds)[: len(operation.needs)]
    schema = {
        "type": "object",
        "properties": {name: _schema(kind, draw, needed=name in required) for name, kind in kinds.items()},
        "required": required,
    }
    tool = Tool(_name(verb, thing, draw), _described(verb, thing, operation, required, draw), schema)
    return _Use(tool, operation, kinds, verb, thing)


def _described(
    verb: str, thing: str, operation: Operation, required: Sequence[str], draw: random.Random
) -> str:
    given = " and ".join(name.replace("_", " ") for name in required)
    said = draw.choice(
        (
            operation.meaning,
            f"{verb} {thing}",
            f"{verb} {thing}: {operation.meaning[0].lower()}{operation.meaning[1:]}",
            f"{verb} {thing} based on {given}",
            f"{operation.meaning}. Used to {verb} {thing}",
        )
    )
    return f"{said[0].upper()}{said[1:]}."


def _schema(kind: Kind, draw: random.Random, *, needed: bool) -> dict[str, Any]:
    meaning = kind.meaning
    if draw.random() < 0.3 and meaning.split()[0] not in _BARE:
        meaning = f"The {meaning[0].lower()}{meaning[1:]}"
    if kind.choices and draw.random() < 0.3:
        meaning += f": {', '.join(kind.choices)}"
    meaning += draw.choice(("", "."))
    if not needed and kind.default and draw.random() < 0.6:
        meaning = f"{meaning.rstrip('.')}. Default is {kind.default}" + draw.choice(("", "."))
    schema: dict[str, Any] = {"type": kind.type, "description": meaning}
    if kind.choices and ":" not in meaning:
        schema["enum"] = list(kind.choices)
    if kind.items:
        schema["items"] = {"type": kind.items}
    if kind.members:
        schema["properties"] = {name: {"type": each} for name, each in kind.members.items()}
        schema["required"] = list(kind.members)
    return schema


def _name(verb: str, thing: str, draw: random.Random) -> str:
    """snake_case, with a dot, or CamelCase, as people name functions."""
    does, to = (
        [word for word in part.replace("-", " ").replace("'", "").split() if word not in _SMALL]
        for part in (verb, thing)
    )
    style = draw.randrange(4)
    if style == 0:
        return f"{'_'.join(to)}.{'_'.join(does)}"
    words = [*does, *to]
    if style == 1:
        return words[0] + "".join(word.capitalize() for word in words[1:])
    return "_".join(words)


def _request(use: _Use, make: Inventor) -> tuple[str, dict[str, Any]]:
    """Words that hold every needed value and some of the others; what is left out isn't an argument."""
    draw = make.draw
    given = {
        name: kind for name, kind in use.kinds.items()
        if name in use.tool.required or draw.random() < 0.4
    }  # fmt: skip
    arguments: dict[str, Any] = {}
    phrases = []
    for name, kind in given.items():
        phrase = draw.choice(kind.phrases)
        value = phrase in SPOKEN_FLAGS if kind.type == "boolean" else kind.value(make)
        arguments[name] = value
        phrases.append(_phrased(phrase, kind, value, draw))
    if draw.random() < 0.5:
        draw.shuffle(phrases)
    templates = _ASKED + (_QUESTIONS if use.thing.startswith("the ") else ())
    template = draw.choice(use.operation.asks if use.operation.asks and draw.random() < 0.35 else templates)
    text = template.format(verb=use.verb, thing=use.thing, said=_joined(phrases, draw))
    lead = draw.choice(_LEADS) if draw.random() < 0.35 else ""
    return lead + text[0].upper() + text[1:], arguments


def _phrased(phrase: str, kind: Kind, value: Any, draw: random.Random) -> str:
    if kind.members:
        return phrase.format(**value)
    return phrase.format(v=kind.spoken(value, draw) if kind.spoken else _spoken(value, draw))


def _joined(phrases: Sequence[str], draw: random.Random) -> str:
    if len(phrases) < 3 or draw.random() < 0.5:
        return " ".join(phrases)
    return f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def _spoken(value: Any, draw: random.Random) -> str:
    if isinstance(value, list):
        parts = [_spoken(each, draw) for each in value]
        if draw.random() < 0.2:
            return f"[{', '.join(map(str, value))}]"
        return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    if isinstance(value, int) and value >= 10_000 and draw.random() < 0.4:
        return f"{value:,}"
    return str(value)
