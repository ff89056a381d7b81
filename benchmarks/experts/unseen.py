"""A kind of work that nothing is trained on: a town hall's post, of which fields are taken or a desk is chosen.

Its forms are those of experts that are there; its texts, fields, labels and words are not.
"""

# ruff: noqa: E501 - a row of a table stays on its line

import random
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from benchmarks.experts.requests import Record, record
from secretariat.models.training.data.forms import extraction, labelled, written
from secretariat.models.training.data.invented import WEEKDAYS, Inventor

SEED = 20_021
_DESK = "To which desk of the town hall does this letter go? Answer with the desk alone."


class Line(NamedTuple):
    """A field of a notice, what it means, its values, and a sentence that says one, `{v}`."""

    field: str
    meaning: str
    value: Callable[[Inventor], str]
    sentence: str


def _of(*choices: str) -> Callable[[Inventor], str]:
    return lambda make: make.draw.choice(choices)


NOTICES: tuple[tuple[Line, ...], ...] = (
    (
        Line("thing_found", "the object that was found", _of("a silver ring", "an umbrella", "two keys", "a hearing aid"), "Somebody handed in {v}."),
        Line("finder", "the person who found it", Inventor.person, "The finder is {v}."),
        Line("kept_until", "how long it is kept", Inventor.date, "We keep it until {v}."),
        Line("shelf", "where it lies", lambda m: f"shelf {m.number(1, 90)}", "It lies on {v}."),
    ),
    (
        Line("road", "the road that is closed", lambda m: f"{m.place()} Avenue", "From next week {v} is closed."),
        Line("reason", "why it is closed", _of("a burst pipe", "a bicycle race", "new tram rails", "a fallen tree"), "The cause is {v}."),
        Line("detour", "the way around", lambda m: f"the bypass of {m.place()}", "Drivers take {v}."),
        Line("reopens", "day of the week on which it opens again", _of(*WEEKDAYS), "On {v} traffic flows again."),
    ),
    (
        Line("animal", "the animal that is looked for", _of("a tabby cat", "a grey parrot", "a beagle", "a tortoise"), "{v} ran away."),
        Line("called", "its name", Inventor.first_name, "It listens to {v}."),
        Line("owner", "whose it is", Inventor.person, "Its owner, {v}, misses it."),
        Line("reward", "what its owner pays", lambda m: f"{m.number(20, 400)} euros", "Who brings it back gets {v}."),
    ),
    (
        Line("bride", "the bride", Inventor.person, "{v} wishes to be married here."),
        Line("groom", "the groom", Inventor.person, "The groom is {v}."),
        Line("hall", "the room of the wedding", _of("the blue hall", "the garden room", "the old chapel"), "They ask for {v}."),
        Line("guests", "how many come", lambda m: f"{m.number(4, 120)} people", "They bring {v}."),
    ),
)  # fmt: skip
DESKS: Mapping[str, tuple[str, ...]] = {
    "dog licences": ("We have had a puppy since May and want to register it.", "My terrier died, so I no longer owe the fee.", "How much a year do I pay for a second dog?", "The tag of my spaniel got lost, I need another."),
    "graves": ("We would like to plant a rose where my father is buried.", "For how long can the burial plot be leased?", "The headstone of my aunt is leaning.", "Where was my grandmother laid to rest?"),
    "rubbish": ("The bin before our house wasn't emptied.", "Where can I bring an old fridge?", "We need a larger container for paper.", "Somebody dumped tyres in the wood."),
    "street lamps": ("It is dark in our lane, two lights are out.", "The lantern at the corner flickers all night.", "A car ran into a lamp post.", "The bulbs in the square shine into my bedroom."),
    "day nurseries": ("I look for a place for my daughter, who is two.", "What does lunch cost for toddlers in care?", "Our son starts at the kindergarten later.", "May the little ones be picked up at five?"),
    "trees": ("The oak before my window has to be cut back.", "May I fell a birch in my garden?", "Roots are lifting the pavement.", "A branch hangs over the playground and may break."),
    "elections": ("I will be abroad and want to vote by post.", "Where is my polling station?", "My name is missing on the list of voters.", "I would like to help count the ballots."),
    "swimming pool": ("Is the water heated in autumn?", "My season ticket for the baths doesn't open the gate.", "When do lessons for beginners in the water begin?", "I left my goggles in the changing room."),
}  # fmt: skip


def unseen(count: int) -> Iterator[Record]:
    """In turn a notice for the expert of forms and a letter for that of labels."""
    draw = random.Random(SEED)  # noqa: S311 - repeatable
    letters = [(letter, desk) for desk, some in DESKS.items() for letter in some]
    draw.shuffle(letters)
    for number in range(count):
        if number % 2:
            yield {**_letter(*letters[number // 2 % len(letters)], number), "expert": "intent"}
        else:
            yield {**_notice(draw, number), "expert": "forms"}


def _notice(draw: random.Random, number: int) -> Record:
    lines = list(draw.choice(NOTICES))
    said = draw.sample(lines, 3)
    values = {line.field: line.value(Inventor(draw)) for line in said}
    sentences = [line.sentence.format(v=values[line.field]) for line in said]
    text = " ".join(sentence[0].upper() + sentence[1:] for sentence in sentences)
    asked = extraction(text, {line.field: line.meaning for line in lines})
    right = written({line.field: values.get(line.field) for line in lines})
    return record(asked, {"answers": [right]}, f"notice-{number}")


def _letter(letter: str, desk: str, number: int) -> Record:
    return record(labelled(letter, list(DESKS), _DESK), {"answers": [desk]}, f"letter-{number}")
