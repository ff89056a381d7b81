"""Sentences to be found again in long texts: one among prose, or one of several that differ in a name."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LENGTHS = (1024, 2048, 4096, 8192)
_NAMES = ("Ada", "Bruno", "Clara", "David", "Edith", "Frank", "Greta", "Henry")
_DIGITS = 5
_SLACK = 16  # tokens left free of the length


@dataclass(frozen=True, slots=True)
class Needle:
    """The `answer` last of `tokens` stand somewhere before too. `keys`: sentences of that kind in it."""

    tokens: list[int]
    answer: int
    length: int
    keys: int


def needles(
    texts: Sequence[Sequence[int]], encode: Callable[[str], list[int]], each: int, seed: int = 0
) -> list[Needle]:
    """`each` of every length with one key and with four, at depths spread evenly. `texts` are as long as any."""
    draw = random.Random(seed)  # noqa: S311 - a sample, no secret
    return [
        _needle(draw.choice(texts), encode, draw, length=length, keys=keys, depth=(number + 0.5) / each)
        for length in LENGTHS
        for keys in (1, 4)
        for number in range(each)
    ]


def _needle(
    text: Sequence[int],
    encode: Callable[[str], list[int]],
    draw: random.Random,
    *,
    length: int,
    keys: int,
    depth: float,
) -> Needle:
    names = draw.sample(_NAMES, keys)
    codes = ["".join(draw.choice("0123456789") for _ in range(_DIGITS)) for _ in names]
    said = [
        encode(f"\n\nThe secret code of {name} is {code}.\n\n")
        for name, code in zip(names, codes, strict=True)
    ]
    begun = encode(f"\n\nRemember: the secret code of {names[0]} is")
    whole = encode(f"\n\nRemember: the secret code of {names[0]} is {codes[0]}")
    answer = len(whole) - len(begun)
    assert whole[: len(begun)] == begun
    room = length - len(whole) - sum(map(len, said)) - _SLACK
    places = [int(depth * room), *(draw.randrange(room) for _ in names[1:])]
    tokens: list[int] = []
    filled = 0
    for place, sentence in sorted(zip(places, said, strict=True)):
        tokens += [*text[filled:place], *sentence]
        filled = place
    return Needle([*tokens, *text[filled:room], *whole], answer, length, keys)
