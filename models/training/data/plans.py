"""Plans to learn from: requests of one or two wishes over the tools of several families, in any order of tools."""

import random
from collections.abc import Iterator

from secretariat.models.training.data.conversations import Conversation
from secretariat.models.training.data.invented import Inventor
from secretariat.models.training.data.plan_families import FAMILIES, Ask, Family
from secretariat.models.training.data.plan_form import MOST_STEPS, Action, Step, planned, planning

ORIGIN = "plans"
_LEADS = ("", "", "Please ", "Can you ", "I want you to ", "Could somebody ", "Hello, ")
_ASKING = frozenset("what which where who how do is".split())  # noqa: SIM905
_JOINS = (", and then {}", ". After that, {}", "; then {}", ". Then {}", ". When that is done, {}")


def examples(seed: int, count: int) -> Iterator[Conversation]:
    draw = random.Random(seed)  # noqa: S311 - repeatable
    for number in range(count):
        request, steps, own = _wished(draw)
        others = [action for family in FAMILIES for action in family.actions if action not in own]
        actions = [*own, *draw.sample(others, draw.randint(2, min(26, len(others))))]
        draw.shuffle(actions)
        yield planning(request, actions).answered(planned(steps), f"{ORIGIN}-{seed}-{number}", ORIGIN)


def _wished(draw: random.Random) -> tuple[str, list[Step], list[Action]]:
    """A request, its steps, and the tools of the families that it is about."""
    families = draw.sample(FAMILIES, draw.choices((1, 2), (0.65, 0.35))[0])
    texts: list[str] = []
    steps: list[Step] = []
    for family in families:
        text, more = wish(family, draw.choice(family.asks), Inventor(draw), len(steps))
        if len(steps) + len(more) <= MOST_STEPS:
            texts.append(text)
            steps += more
    asks = texts[0].split()[0] in _ASKING
    request = ("" if asks else draw.choice(_LEADS)) + texts[0]
    for text in texts[1:]:
        request += draw.choice(_JOINS).format(text)
    request = request[0].upper() + request[1:] + draw.choice((".", "", "."))
    return request, steps, [action for family in families for action in family.actions]


def wish(family: Family, ask: Ask, make: Inventor, before: int) -> tuple[str, list[Step]]:
    """The words and the steps of one wish that comes after `before` other steps."""
    values = {name: value(make) for name, value in family.values.items()}
    names = {action.name: action.parameters for action in family.actions}
    steps = []
    for tool, arguments in ask.steps:
        filled = [_shifted(argument, before).format(**values) for argument in arguments]
        steps.append(Step(tool, dict(zip(names[tool], filled, strict=True))))
    return make.draw.choice(ask.patterns).format(**values), steps


def _shifted(argument: str, before: int) -> str:
    return f"${int(argument[1:]) + before}" if argument.startswith("$") else argument
