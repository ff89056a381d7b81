"""Records out of running text: messages of several kinds, any of whose fields may be unsaid."""

# ruff: noqa: E501 - a row of a table stays on its line

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from secretariat.models.training.data.conversations import Conversation
from secretariat.models.training.data.forms import extraction, written
from secretariat.models.training.data.invented import WEEKDAYS, Inventor

ORIGIN = "extraction"


@dataclass(frozen=True, slots=True)
class Field:
    """`sentences` say the value, `{v}`."""

    name: str
    meaning: str
    value: Callable[[Inventor], str]
    sentences: tuple[str, ...]


def _of(*choices: str) -> Callable[[Inventor], str]:
    return lambda make: make.draw.choice(choices)


_SENDER = Field(
    "sender", "who writes", Inventor.person, ("my name is {v}.", "this is {v} writing.", "regards, {v}.")
)
_MAIL = Field(
    "email",
    "e-mail address",
    lambda m: m.mail(m.person()),
    ("You can reach me at {v}.", "Please answer to {v}."),
)
_PHONE = Field(
    "phone",
    "telephone number",
    lambda m: f"+{m.number(31, 49)} {m.number(100, 999)} {m.number(10000, 99999)}",
    ("Call me on {v}.", "My number is {v}."),
)
_KINDS = (
    (
        Field("order", "number of the order", Inventor.code, ("It is about order {v}.", "I ordered under {v}.")),
        Field("article", "what was ordered", _of("the blue kettle", "two desk lamps", "a garden hose", "the oak shelf"), ("I was waiting for {v}.", "What I bought is {v}.")),
        Field("problem", "what is wrong", _of("it arrived broken", "a part is missing", "the colour is wrong", "it never came"), ("Unfortunately {v}.", "The trouble is that {v}.")),
        Field("wish", "what the customer wants", _of("a refund", "a replacement", "a discount", "a repair"), ("I would like {v}.", "What I ask for is {v}.")),
        _SENDER, _MAIL,
    ),
    (
        Field("event", "what takes place", _of("the budget meeting", "the fire drill", "a workshop on safety", "the summer party"), ("We invite you to {v}.", "Don't forget {v}.")),
        Field("day", "day of the week", lambda m: m.draw.choice(WEEKDAYS), ("It is on {v}.", "We meet on {v}.")),
        Field("time", "when it begins", Inventor.clock, ("We start at {v}.", "Doors open at {v}.")),
        Field("place", "where", lambda m: f"room {m.number(1, 480)}", ("Come to {v}.", "You find us in {v}.")),
        Field("host", "who invites", Inventor.person, ("{v} will lead it.", "The host is {v}.")),
        _PHONE,
    ),
    (
        Field("patient", "name of the patient", Inventor.person, ("{v} came to us today.", "We saw {v} this morning.")),
        Field("complaint", "what the patient complains of", _of("a sore throat", "pain in the left knee", "poor sleep", "a rash"), ("The complaint is {v}.", "There was talk of {v}.")),
        Field("medicine", "what was prescribed", _of("ibuprofen", "an ointment", "eye drops", "cough syrup"), ("We prescribed {v}.", "The patient takes {v} now.")),
        Field("dose", "how much of it", lambda m: f"{m.number(5, 400)} mg", ("The dose is {v}.", "{v} a day are enough.")),
        Field("next_visit", "date of the next visit", Inventor.date, ("The next visit is on {v}.", "We meet again on {v}.")),
    ),
    (
        Field("supplier", "who sends the bill", lambda m: f"{m.surname()} & Sons", ("Bill of {v}.", "{v} thanks you for your order.")),
        Field("number", "number of the bill", Inventor.code, ("Our number: {v}.", "Please quote {v}.")),
        Field("total", "sum to pay", lambda m: f"{m.decimal(12, 9000, 2):.2f} EUR", ("Please pay {v}.", "The sum is {v}.")),
        Field("due", "until when to pay", Inventor.date, ("Payment is due on {v}.", "We expect it by {v}.")),
        Field("address", "where it was delivered", Inventor.street, ("We delivered to {v}.", "Delivered at {v}.")),
    ),
    (
        Field("reporter", "who reports it", Inventor.person, ("{v} reports a fault.", "Reported by {v}.")),
        Field("machine", "which machine", Inventor.code, ("Machine {v} stands still.", "It concerns machine {v}.")),
        Field("symptom", "what it does", _of("it leaks oil", "it makes a loud noise", "the display stays dark", "it stops every hour"), ("Since this morning {v}.", "What one sees: {v}.")),
        Field("since", "since when", Inventor.clock, ("It began at {v}.", "First noticed at {v}.")),
        Field("priority", "how urgent", _of("low", "normal", "high"), ("Its priority is {v}.", "We rate it as {v}.")),
    ),
    (
        Field("guest", "who wants the room", Inventor.person, ("A room for {v}, please.", "The booking is for {v}.")),
        Field("arrival", "day of arrival", Inventor.date, ("We arrive on {v}.", "From {v} on, please.")),
        Field("nights", "for how many nights", lambda m: f"{m.number(2, 14)} nights", ("We stay for {v}.", "It is for {v}.")),
        Field("room", "kind of room", _of("a double room", "two single rooms", "a quiet room", "a room with a view"), ("We need {v}.", "If you can, give us {v}.")),
        Field("extra", "what else is wanted", _of("a cot", "a late breakfast", "a place for the car", "a vegetarian dinner"), ("Also {v}, please.", "We ask for {v}, too.")),
        _PHONE,
    ),
    (
        Field("applicant", "who applies", Inventor.person, ("I am {v}.", "{v} applies for the post.")),
        Field("post", "what for", _of("nurse", "bus driver", "accountant", "gardener", "welder"), ("I would like to work as {v}.", "It is about the post of {v}.")),
        Field("experience", "how long in the trade", lambda m: f"{m.number(2, 30)} years", ("I have done this for {v}.", "{v} of work lie behind me.")),
        Field("start", "from when on", Inventor.date, ("I could begin on {v}.", "I am free from {v} on.")),
        Field("salary", "pay that is asked for", lambda m: f"{m.grouped(24_000, 98_000)} EUR", ("I think of {v} a year.", "My wish is {v}.")),
        _MAIL,
    ),
    (
        Field("property", "which flat or house", Inventor.street, ("It is the flat at {v}.", "To let: {v}.")),
        Field("rent", "rent a month", lambda m: f"{m.number(300, 2900)} pounds", ("The rent is {v} a month.", "We ask for {v}.")),
        Field("rooms", "how many rooms", lambda m: f"{m.number(2, 7)} rooms", ("It has {v}.", "There are {v}.")),
        Field("free", "from when on", Inventor.date, ("It is free from {v} on.", "You could move in on {v}.")),
        Field("landlord", "who lets it", Inventor.person, ("The owner is {v}.", "Ask for {v}.")),
        _PHONE,
    ),
    (
        Field("place", "where it happened", Inventor.street, ("It happened near {v}.", "The place is {v}.")),
        Field("hour", "when", Inventor.clock, ("It was {v}.", "The clock showed {v}.")),
        Field("witness", "who saw it", Inventor.person, ("{v} saw it all.", "There is a witness, {v}.")),
        Field("damage", "what was damaged", _of("a bumper", "a shop window", "a garden fence", "a bicycle"), ("What got broken is {v}.", "It cost us {v}.")),
        Field("plate", "number of the vehicle", Inventor.code, ("The car had the number {v}.", "I wrote down {v}.")),
    ),
)  # fmt: skip


def examples(seed: int, count: int) -> Iterator[Conversation]:
    draw = random.Random(seed)  # noqa: S311 - repeatable
    for number in range(count):
        make, kind = Inventor(draw), draw.choice(_KINDS)
        asked = draw.sample(kind, draw.randint(2, len(kind)))
        said = [field for field in kind if draw.random() < 0.75]
        draw.shuffle(said)
        values = {field.name: field.value(make) for field in said}
        lines = [draw.choice(field.sentences).format(v=values[field.name]) for field in said]
        text = " ".join(line[0].upper() + line[1:] for line in lines) or "Hello. Nothing to report today."
        answer = {field.name: _as_said(values.get(field.name), text) for field in asked}
        meanings = {field.name: field.meaning for field in asked}
        yield extraction(text, meanings).answered(written(answer), f"{ORIGIN}-{seed}-{number}", ORIGIN)


def _as_said(value: str | None, text: str) -> str | None:
    """As the text writes it: a sentence may have begun with the value."""
    return value if value is None or value in text else value[0].upper() + value[1:]
