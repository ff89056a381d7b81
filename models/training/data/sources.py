"""Synthetic sources: what is asked stands in one of them, in none, in two of them differently, or in two parts.

Sources speak of things of one kind, so that only the name in the question says which one counts.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from secretariat.models.core import GroundingDocument
from secretariat.models.training.data.conversations import Conversation
from secretariat.models.training.data.facts import KINDS, Fact, Kind
from secretariat.models.training.data.forms import OTHERWISE, cited, copied, grounded
from secretariat.models.training.data.invented import Inventor
from secretariat.models.training.data.product_forms import reading

ORIGIN = "sources"
_LINES = 3
_ALONE = 0.6  # of passages that speak of one thing
_SHARES = {"several": 0.65, "conflict": 0.12, "two": 0.23}
_TOGETHER = 3  # questions over the same sources, which a trainer may read once
_NONE, _STRANGER = 0.32, 0.4  # those without an answer; of them, those on a thing that isn't there


@dataclass(frozen=True, slots=True)
class _Thing:
    """A thing of a kind, and what is true of it, in the order of the kind's facts.

    `linked`: after its first sentence it may be called by its kind; else each sentence stands alone.
    """

    kind: Kind
    name: str
    values: tuple[str, ...]
    linked: bool

    def sentence(self, fact: Fact, draw: random.Random, *, named: bool = True) -> str:
        """`named` False: the sentence before has named the thing, so it may be called by its kind."""
        called = self.name if named or draw.random() < 0.3 else draw.choice(("it", f"the {self.kind.noun}"))
        said = draw.choice(fact.sentences).format(it=called, v=self.value(fact))
        return said[0].upper() + said[1:]

    def text(self, facts: Sequence[Fact], draw: random.Random) -> str:
        return " ".join(
            self.sentence(fact, draw, named=place == 0 or not self.linked) for place, fact in enumerate(facts)
        )

    def value(self, fact: Fact) -> str:
        return self.values[self.kind.facts.index(fact)]

    def question(self, fact: Fact, draw: random.Random) -> str:
        return draw.choice(fact.questions).format(it=self.name)


@dataclass(frozen=True, slots=True)
class Case:
    """A question over texts; `answer`: (place of the text, words of it), none where nothing answers."""

    question: str
    texts: tuple[str, ...]
    answer: tuple[tuple[int, str], ...]


def grounded_examples(seed: int, count: int) -> Iterator[Conversation]:
    """Cited answers."""
    draw = random.Random(seed)  # noqa: S311 - repeatable
    made = 0
    while made < count:
        for case in _cases(draw)[: count - made]:
            documents = [GroundingDocument(str(place), text) for place, text in enumerate(case.texts, 1)]
            answer = cited([(str(place + 1), words) for place, words in case.answer]) or OTHERWISE
            yield grounded(case.question, documents).answered(answer, f"{ORIGIN}-{seed}-{made}", ORIGIN)
            made += 1


def copied_examples(seed: int, count: int) -> Iterator[Conversation]:
    """The same as words alone, half of it as single lines, as the product reads them."""
    draw = random.Random(seed)  # noqa: S311 - repeatable
    for number in range(count):
        case = drawn(draw, draw.choices(["one", "none"], [0.75, 0.25])[0], linked=False)
        answer = case.answer[0][1] if case.answer else OTHERWISE
        name = f"{ORIGIN}-copied-{seed}-{number}"
        if draw.random() < 0.5:
            documents = [GroundingDocument(str(place), text) for place, text in enumerate(case.texts, 1)]
            yield copied(case.question, documents).answered(answer, name, ORIGIN)
        else:
            yield reading(case.question, _lines(case, draw)).answered(answer, name, ORIGIN)


def _lines(case: Case, draw: random.Random) -> list[str]:
    """A line of each of three texts: of the one that answers the line that does, of others any."""
    answering = dict(case.answer)
    others = [place for place in range(len(case.texts)) if place not in answering]
    shown = sorted([*answering, *others][:_LINES])
    lines = []
    for place in shown:
        sentences = [part for part in case.texts[place].replace(". ", ".\n").split("\n") if part]
        words = answering.get(place)
        lines.append(next((one for one in sentences if words and words in one), draw.choice(sentences)))
    return lines


def _cases(draw: random.Random) -> list[Case]:
    share = draw.choices(list(_SHARES), list(_SHARES.values()))[0]
    return _several(Inventor(draw)) if share == "several" else [drawn(draw, share)]


def _several(make: Inventor) -> list[Case]:
    """Questions one after the other over the same sources: on what they say of a thing, and on what they don't."""
    draw, kind = make.draw, make.draw.choice(KINDS)
    names = dict.fromkeys(kind.name(make) for _ in range(draw.randint(2, 4)))
    things = [_thing(kind, name, make, linked=True) for name in names]
    told = [draw.sample(kind.facts, draw.randint(2, len(kind.facts) - 1)) for _ in things]
    texts = [_beside(thing.text(facts, draw), kind, make) for thing, facts in zip(things, told, strict=True)]
    asked = [(place, fact) for place in range(len(things)) for fact in kind.facts]
    draw.shuffle(asked)
    said = [(place, fact) for place, fact in asked if fact in told[place]]
    unsaid = [(place, fact) for place, fact in asked if fact not in told[place]]
    cases = []
    for _ in range(_TOGETHER):
        place, fact = (unsaid if unsaid and (draw.random() < _NONE or not said) else said).pop()
        words = things[place].value(fact)
        answer = ((place, _standing(words, texts[place])),) if fact in told[place] else ()
        thing = things[place]
        if not answer and draw.random() < _STRANGER:
            thing = _thing(kind, kind.name(make), make, linked=True)
        cases.append(Case(thing.question(fact, draw), tuple(texts), answer))
    return cases


def _standing(words: str, text: str) -> str:
    """As the text has them: a sentence may have begun with them."""
    return words if words in text else words[0].upper() + words[1:]


def drawn(draw: random.Random, case: str, *, linked: bool = True) -> Case:
    """`case`: one, none, conflict or two."""
    make, kind = Inventor(draw), draw.choice(KINDS)
    names = [kind.name(make) for _ in range(draw.randint(2, 4))]
    things = [_thing(kind, name, make, linked=linked) for name in dict.fromkeys(names)]
    asked, fact = draw.choice(things), draw.choice(kind.facts)
    if case == "two":
        return _two(asked, things, draw)
    if case == "conflict":
        return _conflict(asked, fact, things, make)
    without = {(asked.name, fact)} if case == "none" else set()
    absent = case == "none" and draw.random() < 0.4
    told = [thing for thing in things if not (absent and thing is asked)] or [
        _thing(kind, kind.name(make), make, linked=linked)
    ]
    texts = [_beside(_text(thing, draw, asked, fact, without), kind, make) for thing in told]
    held = [] if case == "none" else [(told.index(asked), asked.value(fact))]
    return _shuffled(asked.question(fact, draw), texts, held, draw)


def _thing(kind: Kind, name: str, make: Inventor, *, linked: bool) -> _Thing:
    return _Thing(kind, name, tuple(fact.value(make) for fact in kind.facts), linked)


def _text(
    thing: _Thing, draw: random.Random, asked: _Thing, fact: Fact, without: set[tuple[str, Fact]]
) -> str:
    """Some facts of a thing; of the one that is asked, the fact that is asked, unless it is left out."""
    facts = [each for each in thing.kind.facts if (thing.name, each) not in without]
    chosen = draw.sample(facts, draw.randint(min(2, len(facts)), len(facts)))
    if thing is asked and fact in facts and fact not in chosen:
        chosen.append(fact)
        draw.shuffle(chosen)
    return thing.text(chosen, draw)


def _beside(text: str, kind: Kind, make: Inventor) -> str:
    """Often with sentences on a thing of another kind before or behind it, as passages go from one to the next."""
    draw = make.draw
    if draw.random() < _ALONE:
        return text
    other = draw.choice([each for each in KINDS if each is not kind])
    thing = _thing(other, other.name(make), make, linked=False)
    more = thing.text(draw.sample(other.facts, draw.randint(1, 3)), draw)
    return f"{text} {more}" if draw.random() < 0.5 else f"{more} {text}"


def _two(asked: _Thing, things: Sequence[_Thing], draw: random.Random) -> Case:
    """Two things asked at once: of one thing, or the same of two things."""
    kind = asked.kind
    others = [thing for thing in things if thing is not asked]
    if others and draw.random() < 0.5:
        fact, other = draw.choice(kind.facts), others[0]
        parts = [(asked, fact), (other, fact)]
    else:
        parts = [(asked, fact) for fact in draw.sample(kind.facts, 2)]
    first, second = (thing.question(fact, draw) for thing, fact in parts)
    question = f"{first.rstrip('?')}, and {second[0].lower()}{second[1:]}"
    texts = []
    for thing in things:
        wanted = [fact for each, fact in parts if each is thing]
        extra = draw.sample(kind.facts, draw.randint(1, 2))
        chosen = list(dict.fromkeys([*wanted, *extra]))
        draw.shuffle(chosen)
        texts.append(thing.text(chosen, draw))
    held = [(things.index(thing), thing.value(fact)) for thing, fact in parts]
    return _shuffled(question, texts, held, draw)


def _conflict(asked: _Thing, fact: Fact, things: Sequence[_Thing], make: Inventor) -> Case:
    """Two sources that don't agree: both are quoted."""
    draw, other = make.draw, fact.value(make)
    pairs = zip(asked.kind.facts, asked.values, strict=True)
    rival = replace(asked, values=tuple(other if each is fact else value for each, value in pairs))
    texts = [_text(thing, draw, thing, fact, set()) for thing in (asked, rival)]
    texts += [_text(thing, draw, asked, fact, set()) for thing in things if thing is not asked][:1]
    held = [(0, asked.value(fact)), (1, other)]
    case = _shuffled(asked.question(fact, draw), texts, held, draw)
    return Case(case.question, case.texts, tuple(sorted(case.answer)))


def _shuffled(
    question: str, texts: Sequence[str], held: Sequence[tuple[int, str]], draw: random.Random
) -> Case:
    """`held`: which text has which words; a sentence may have begun with them."""
    order = list(range(len(texts)))
    draw.shuffle(order)
    answer = []
    for place, words in held:
        answer.append((order.index(place), _standing(words, texts[place])))
    return Case(question, tuple(texts[place] for place in order), tuple(answer))
