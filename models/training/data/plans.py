"""Plans to learn from: requests of one to three wishes over tools of several trades, and tools beside them."""

# ruff: noqa: SIM905 - a list of words reads best as words

import random
from collections.abc import Iterator, Sequence

from secretariat.models.training.data.conversations import Conversation
from secretariat.models.training.data.invented import Inventor
from secretariat.models.training.data.plan_families import FAMILIES, Ask, Family
from secretariat.models.training.data.plan_form import MOST_STEPS, Action, Step, planned, planning
from secretariat.models.training.data.plan_lexicon import family as invented_family

ORIGIN = "plans"
_INVENTED = 0.6  # of the trades: those that nobody wrote down
_ASTRAY = 0.15  # of neighbours in a list: those the wrong way round
_FEW, _MANY, _CROWDED = 5, 20, 0.1  # tools of other trades; the share of requests with many
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
    for number in range(count):
        families = trades(draw, draw.choices((1, 2, 3), (0.55, 0.35, 0.1))[0])
        request, steps = wished(families, draw)
        own = [action for family in families for action in family.actions]
        actions = _offered(own, steps, draw)
        yield planning(request, actions).answered(planned(steps), f"{ORIGIN}-{seed}-{number}", ORIGIN)


def trades(draw: random.Random, count: int) -> list[Family]:
    """No two of them have a tool of the same name."""
    found: list[Family] = []
    taken: set[str] = set()
    while len(found) < count:
        family = _family(draw)
        names = {action.name for action in family.actions}
        if not names & taken:
            found.append(family)
            taken |= names
    return found


def _family(draw: random.Random) -> Family:
    return invented_family(draw) if draw.random() < _INVENTED else draw.choice(FAMILIES)


def _offered(own: Sequence[Action], steps: Sequence[Step], draw: random.Random) -> list[Action]:
    """Tools as they are offered to a planner: those that the request seems to need first, about in the order in
    which it does, and between them some that are like them or that it doesn't need at all."""
    named = {action.name: action for action in own}
    needed = [named.pop(name) for name in dict.fromkeys(step.tool for step in steps)]
    for place in range(len(needed) - 1):
        if draw.random() < _ASTRAY:
            needed[place : place + 2] = reversed(needed[place : place + 2])
    taken = {action.name for action in own}
    more = _MANY if draw.random() < _CROWDED else _FEW
    others = [each for _ in range(-(-more // 4)) for each in _family(draw).actions if each.name not in taken]
    like = draw.sample(list(named.values()), draw.randint(0, len(named)))
    unlike = draw.sample(others, draw.randint(0, min(more, len(others))))
    for action in {each.name: each for each in (*like, *unlike)}.values():
        needed.insert(draw.randint(0, len(needed)), action)
    return needed


def wished(families: Sequence[Family], draw: random.Random) -> tuple[str, list[Step]]:
    """A request of a wish for each family, and its steps."""
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
    return request, steps


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
