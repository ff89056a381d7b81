"""Sums in words, and the arithmetic that they ask for, in the product's own form."""

import random
from collections.abc import Iterator

from secretariat.models.training.data.conversations import Conversation
from secretariat.models.training.data.invented import Inventor
from secretariat.models.training.data.product_forms import calculation, summed

ORIGIN = "calculation"
_THINGS = ("chairs", "tickets", "crates", "meals", "lamps", "notebooks", "copies", "mugs", "bricks", "plants")
# {a} … {d}, {s}: numbers, {s} small; {f}: money; {p}: percent; {t}: a thing; {n}: a name
_SUMS = (
    ("What is {a} plus {b}?", "{a} + {b}"), ("Add {a}, {b} and {c}.", "{a} + {b} + {c}"),
    ("Take {a} away from {b}.", "{b} - {a}"), ("How much is {b} minus {a}?", "{b} - {a}"),
    ("How much is {a} times {b}?", "{a} * {b}"), ("Multiply {a} by {b} and add {c}.", "{a} * {b} + {c}"),
    ("Divide {b} by {a}.", "{b} / {a}"), ("What is {p}% of {b}?", "{p}% * {b}"),
    ("{n} buys {a} {t} at {f} each. What does {n} pay?", "{a} * {f}"),
    ("{a} {t} cost {b} in all. What does one cost?", "{b} / {a}"),
    ("There are {a} rows of {d} {t}, and {c} more stand outside. How many are there?", "{a} * {d} + {c}"),
    ("{n} has {b} {t}, gives {a} away and gets {c} new ones. How many are left?", "{b} - {a} + {c}"),
    ("The price is {b}. By how much is it lowered at {p}% off?", "{p}% * {b}"),
    ("What remains of {b} after {p}% are taken off?", "{b} - {p}% * {b}"),
    ("{b} plus a tax of {p}% makes how much?", "{b} + {p}% * {b}"),
    ("{a} people share {b} {t} evenly. How many does each get?", "{b} / {a}"),
    ("We drive {s} hours at {c} km an hour and then {d} km more. How far is that?", "{s} * {c} + {d}"),
    ("The bill is {f} for each of {a} guests, less a discount of {c}. What is to pay?", "{a} * {f} - {c}"),
    ("Sum up {a} and {b}, then multiply by {c}.", "({a} + {b}) * {c}"),
    ("What is the mean of {a}, {b} and {c}?", "({a} + {b} + {c}) / 3"),
    ("A day costs {f}. How much are {s} days for {a} people?", "{f} * {s} * {a}"),
    ("How much more is {b} than {a}?", "{b} - {a}"), ("Double {b} and take {a} away.", "2 * {b} - {a}"),
    ("{n} saves {f} a month. How much is that after {s} years?", "{f} * 12 * {s}"),
    ("Of {b} {t}, {p}% are sold and {a} are given away. How many are gone?", "{p}% * {b} + {a}"),
    ("{s} friends pay a bill of {b} and a tip of {d}. What does each one pay?", "({b} + {d}) / {s}"),
    ("One of the {t} costs {f}, a pack of {s} costs {c}. What do {s} single ones cost beyond the pack?",
     "{f} * {s} - {c}"),
    ("A tank holds {b} litres; {c} flow out each hour. What is left after {s} hours?", "{b} - {c} * {s}"),
    ("How many minutes are {d} hours and {c} minutes?", "{d} * 60 + {c}"),
    ("What percentage of {b} is {a}?", "{a} / {b} * 100"),
    ("{a} boxes hold {b} {t} each; {c} boxes hold {d} each. How many {t} are that?", "{a} * {b} + {c} * {d}"),
    ("{n} earns {f} an hour and works {a} hours in each of {c} weeks. How much is that?", "{f} * {a} * {c}"),
)  # fmt: skip


def examples(seed: int, count: int) -> Iterator[Conversation]:
    draw = random.Random(seed)  # noqa: S311 - repeatable
    for number in range(count):
        make = Inventor(draw)
        values = {
            "a": make.number(2, 60), "b": make.number(61, 5000), "c": make.number(2, 90), "d": make.number(2, 40),
            "p": make.number(1, 90), "s": make.number(2, 12), "f": f"{make.decimal(0.5, 240, 2):.2f}",
            "t": draw.choice(_THINGS), "n": make.first_name(),
        }  # fmt: skip
        asked, sum_ = draw.choice(_SUMS)
        answer = summed(sum_.format(**values))
        yield calculation(asked.format(**values)).answered(answer, f"{ORIGIN}-{seed}-{number}", ORIGIN)
