"""Plans to learn from: requests of one or two wishes over the tools of several families, in any order of tools."""

# ruff: noqa: SIM905 - a list of words reads best as words

import random
from collections.abc import Iterator

from secretariat.models.training.data.conversations import Conversation
from secretariat.models.training.data.invented import Inventor
from secretariat.models.training.data.plan_families import FAMILIES, Ask, Family
from secretariat.models.training.data.plan_form import MOST_STEPS, Action, Step, planned, planning

ORIGIN = "plans"
_TOGETHER = 3  # requests over the same tools, which a trainer may read once
_FEW, _MANY, _CROWDED = 4, 24, 0.6  # tools that aren't needed; the share of requests with many
_LEADS = ("", "", "Please ", "Can you ", "I want you to ", "Could somebody ", "Hello, ")
_QUESTIONS = frozenset("do does how is was what where which who".split())
# Words that a request begins with and that "please" may stand before.
_ORDERS = frozenset((
    "analyse approve ask bid block bring buy charge chart check close compare count cut draw end feed "
    "find fly get give have heat label lend let look make mark measure merge object offer open order "
    "pay phone predict prolong put rate record release remove report ring scan search see send set "
    "settle shorten show sow take tape tell test turn type undo weigh work write"
).split())  # fmt: skip
_JOINS = (
    ", and then {}", ". After that, {}", "; then {}", ". Then {}", ". When that is done, {}", ". Also: {}",
    ", and {}", ". Next, {}",
)  # fmt: skip


def examples(seed: int, count: int) -> Iterator[Conversation]:
    draw = random.Random(seed)  # noqa: S311 - repeatable
    made = 0
    while made < count:
        wished = [_wished(draw) for _ in range(min(_TOGETHER, count - made))]
        actions = list(dict.fromkeys(action for *_, own in wished for action in own))
        others = [action for family in FAMILIES for action in family.actions if action not in actions]
        actions += draw.sample(others, draw.randint(1, _MANY if draw.random() < _CROWDED else _FEW))
        draw.shuffle(actions)
        for request, steps, _ in wished:
            yield planning(request, actions).answered(planned(steps), f"{ORIGIN}-{seed}-{made}", ORIGIN)
            made += 1


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
    begins = texts[0].split()[0]
    request = (draw.choice(_LEADS) if begins in _ORDERS else "") + texts[0]
    for text in texts[1:]:
        request += draw.choice(_JOINS).format(text)
    asks = len(texts) == 1 and begins in _QUESTIONS
    request = request[0].upper() + request[1:] + draw.choice(("?", "?", "") if asks else (".", "", "."))
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
