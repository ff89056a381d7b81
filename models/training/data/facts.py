"""Kinds of things and what can be said and asked of them: the material of synthetic sources.

`{it}` is the thing, `{v}` the value; a sentence may also call the thing by its kind.
"""

# ruff: noqa: E501 - a row of a table stays on its line

from collections.abc import Callable
from dataclasses import dataclass

from secretariat.models.training.data.invented import MONTHS, WEEKDAYS, Inventor

Value = Callable[[Inventor], str]


@dataclass(frozen=True, slots=True)
class Fact:
    value: Value
    sentences: tuple[str, ...]
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    noun: str
    name: Value
    facts: tuple[Fact, ...]


def _one_of(*choices: str) -> Value:
    return lambda make: make.draw.choice(choices)


def _unit(least: int, most: int, *units: str) -> Value:
    return lambda make: f"{make.grouped(least, most)} {make.draw.choice(units)}"


def _person(make: Inventor) -> str:
    return make.person()


def _year(make: Inventor) -> str:
    return make.year()


_FOUNDED = Fact(
    _year,
    ("{it} was founded in {v}.", "Founded in {v}, {it} is among the older of its kind.",
     "The history of {it} goes back to {v}.", "In {v} a handful of people founded {it}.", "Since {v} there has been {it}."),
    ("When was {it} founded?", "In which year was {it} set up?", "How far back does the history of {it} go?",
     "What year did {it} begin?"),
)  # fmt: skip
_HEAD = Fact(
    _person,
    ("{it} is headed by {v}.", "{v} has been in charge of {it} for some years.",
     "The director of {it}, {v}, was appointed after a long search.", "At the head of {it} stands {v}."),
    ("Who is in charge of {it}?", "Who heads {it}?", "Who is the director of {it}?", "What is the name of {it}'s head?"),
)  # fmt: skip
_WORTH = Fact(
    _unit(1, 900, "million euros", "million dollars", "thousand pounds"),
    ("The last yearly budget of {it} came to {v}.", "{it} spends {v} in a year.", "A year of {it} costs {v}."),
    ("How large is the yearly budget of {it}?", "How much does {it} spend in a year?", "What does a year of {it} cost?"),
)  # fmt: skip

KINDS = (
    Kind("town", Inventor.place, (
        Fact(_unit(800, 950_000, "inhabitants", "people", "residents"),
             ("{it} has {v}.", "At the last census {v} lived in {it}.", "With {v}, {it} is neither large nor small."),
             ("How many people live in {it}?", "What is the population of {it}?", "How many residents were counted in {it}?")),
        Fact(lambda m: f"the River {m.place()}",
             ("{it} lies on {v}.", "Through the middle of {it} runs {v}.", "{v} bends twice before it reaches {it}."),
             ("Which river flows through {it}?", "On what river does {it} lie?", "What runs through the middle of {it}?")),
        Fact(_person, ("The mayor of {it} is {v}.", "In the last election {v} became mayor of {it}.",
                       "{v}, a former teacher, is mayor of {it}."),
             ("Who is the mayor of {it}?", "Who was elected mayor of {it}?", "Which person leads the town hall of {it}?")),
        Fact(_one_of("glass", "linen", "cheese", "paper", "bells", "copper", "salt", "pottery", "clocks", "rope", "wool"),
             ("{it} has long been known for its {v}.", "The name of {it} stands for {v}.", "{it} is famous for {v}."),
             ("What is {it} known for?", "What is {it} famous for?", "For what does the name of {it} stand?")),
        Fact(lambda m: f"{m.number(5, 2400)} metres",
             ("{it} stands at a height of {v}.", "{it} lies {v} above the sea."),
             ("How high above the sea does {it} lie?", "At what height is {it}?")),
        _FOUNDED,
    )),
    Kind("company", lambda m: f"{m.surname()} {m.draw.choice(['Works', 'Industries', 'Foods', 'Optics', 'Marine', 'Textiles'])}", (
        _FOUNDED, _HEAD, _WORTH,
        Fact(_unit(12, 64_000, "employees", "people", "workers"),
             ("{it} employs {v}.", "The payroll of {it} lists {v}.", "Some {v} work for {it}."),
             ("How many people does {it} employ?", "How many work for {it}?", "How large is the payroll of {it}?")),
        Fact(Inventor.place, ("The seat of {it} is in {v}.", "{it} moved its head office to {v}.", "{it} is run from {v}."),
             ("Where is the head office of {it}?", "Where does {it} have its seat?", "From which town is {it} run?")),
        Fact(_one_of("lenses", "ship engines", "biscuits", "tents", "water pumps", "violins", "bicycle frames", "lamps", "drills"),
             ("{it} makes {v}.", "Most of what {it} sells is {v}.", "{v} are the main product of {it}."),
             ("What does {it} make?", "What is the main product of {it}?", "What does {it} mostly sell?")),
        Fact(lambda m: f"{m.decimal(1, 48)} percent", ("Sales of {it} rose by {v} last year.", "Last year {it} grew by {v}."),
             ("By how much did {it} grow last year?", "How strongly did sales of {it} rise?")),
    )),
    Kind("museum", lambda m: f"the {m.place()} Museum", (
        _FOUNDED, _HEAD, _WORTH,
        Fact(_unit(200, 90_000, "objects", "pieces", "works"), ("{it} holds {v}.", "The collection of {it} counts {v}."),
             ("How many objects does {it} hold?", "How large is the collection of {it}?")),
        Fact(lambda m: m.draw.choice(WEEKDAYS) + "s", ("{it} is closed on {v}.", "On {v} the doors of {it} stay shut."),
             ("On which day is {it} closed?", "When do the doors of {it} stay shut?")),
        Fact(lambda m: f"{m.decimal(2, 28, 2):.2f} euros", ("Entrance to {it} costs {v}.", "A ticket for {it} is {v}."),
             ("What does it cost to enter {it}?", "How much is a ticket for {it}?")),
        Fact(lambda m: f"a {m.draw.choice(['mill', 'convent', 'barracks', 'power station', 'customs house', 'brewery'])}",
             ("The building of {it} was once {v}.", "{it} occupies what used to be {v}."),
             ("What was the building of {it} before?", "What did the building of {it} use to be?")),
    )),
    Kind("bridge", lambda m: f"the {m.place()} Bridge", (
        Fact(lambda m: f"{m.grouped(40, 4000)} metres", ("{it} is {v} long.", "With a length of {v}, {it} needs many piers."),
             ("How long is {it}?", "What is the length of {it}?")),
        Fact(_year, ("{it} was opened in {v}.", "The first train crossed {it} in {v}.", "Work on {it} ended in {v}."),
             ("When was {it} opened?", "In what year did work on {it} end?")),
        Fact(_person, ("{it} was designed by {v}.", "The plans of {it} were drawn by {v}.", "{v} was the engineer of {it}."),
             ("Who designed {it}?", "Who drew the plans of {it}?", "Who was the engineer of {it}?")),
        Fact(_one_of("granite", "steel", "oak", "brick", "concrete", "wrought iron", "limestone"),
             ("{it} is built of {v}.", "The arches of {it} are made of {v}."),
             ("What is {it} built of?", "What material are the arches of {it}?")),
        Fact(_unit(500, 90_000, "vehicles", "carriages"), ("Each day {v} cross {it}.", "{it} carries {v} a day."),
             ("How many vehicles cross {it} in a day?", "What traffic does {it} carry each day?")),
    )),
    Kind("species", lambda m: f"the {m.place().lower()} {m.draw.choice(['warbler', 'newt', 'beetle', 'orchid', 'trout', 'bat'])}", (
        Fact(lambda m: f"{m.number(2, 90)} {m.draw.choice(['centimetres', 'millimetres'])}",
             ("An adult of {it} measures {v}.", "{it} grows to {v}."), ("How large does {it} grow?", "What does an adult of {it} measure?")),
        Fact(lambda m: f"the {m.draw.choice(['marshes', 'pine woods', 'cliffs', 'meadows', 'caves', 'dunes'])} of {m.place()}",
             ("{it} lives in {v}.", "{it} is found only in {v}."), ("Where does {it} live?", "In what place is {it} found?")),
        Fact(_one_of("moss", "small snails", "the eggs of ants", "pollen", "rotting wood", "mayflies", "seeds of thistles"),
             ("{it} feeds on {v}.", "The diet of {it} is mostly {v}."), ("What does {it} feed on?", "What is the diet of {it}?")),
        Fact(_person, ("{it} was first described by {v}.", "Science owes the first account of {it} to {v}."),
             ("Who first described {it}?", "To whom does science owe the first account of {it}?")),
        Fact(lambda m: f"{m.number(2, 30)} years", ("{it} lives for up to {v}.", "In captivity {it} reached the age of {v}."),
             ("How long can {it} live?", "What age does {it} reach?")),
        Fact(_unit(40, 9000, "animals", "individuals", "pairs"), ("About {v} of {it} are left.", "Counts of {it} gave {v}."),
             ("How many of {it} are left?", "How many of {it} were counted?")),
    )),
    Kind("novel", lambda m: f"“The {m.draw.choice(['Silent', 'Last', 'Crooked', 'Glass', 'Northern', 'Second'])} {m.draw.choice(['Ferry', 'Orchard', 'Lantern', 'Winter', 'Witness', 'Map'])} of {m.place()}”", (
        Fact(_person, ("{it} was written by {v}.", "{v} is the author of {it}.", "{v} wrote {it} in prison."),
             ("Who wrote {it}?", "Who is the author of {it}?")),
        Fact(_year, ("{it} came out in {v}.", "The first edition of {it} is dated {v}."), ("When did {it} come out?", "What is the date of the first edition of {it}?")),
        Fact(lambda m: f"{m.number(2, 58)} languages", ("{it} has been translated into {v}.", "Readers of {v} know {it}."),
             ("Into how many languages has {it} been translated?", "How many languages can {it} be read in?")),
        Fact(lambda m: f"a {m.draw.choice(['lighthouse keeper', 'clockmaker', 'young surgeon', 'retired judge', 'ferryman', 'smuggler'])}",
             ("The hero of {it} is {v}.", "{it} tells of {v}."), ("Who is the hero of {it}?", "Of whom does {it} tell?")),
    )),
    Kind("study", lambda m: f"the {m.place()} trial", (
        Fact(_unit(24, 18_000, "patients", "women", "adults", "children"), ("{it} took in {v}.", "{v} were enrolled in {it}."),
             ("How many took part in {it}?", "Who was enrolled in {it}, and how many?")),
        Fact(lambda m: f"{m.number(2, 60)} {m.draw.choice(['weeks', 'months'])}", ("Those in {it} were followed for {v}.", "{it} ran for {v}."),
             ("For how long were those in {it} followed?", "How long did {it} run?")),
        Fact(lambda m: f"{m.decimal(2, 78)}%", ("In {it} the treatment lowered relapses by {v}.", "Relapses fell by {v} in {it}."),
             ("By how much did relapses fall in {it}?", "How far were relapses lowered in {it}?")),
        Fact(_one_of("fever", "headache", "nausea", "dizziness", "a rash", "joint pain"),
             ("The most common side effect in {it} was {v}.", "Those treated in {it} mostly complained of {v}."),
             ("What was the most common side effect in {it}?", "What did those treated in {it} complain of?")),
        Fact(lambda m: f"the University of {m.place()}", ("{it} was carried out by {v}.", "{v} stood behind {it}."),
             ("Who carried out {it}?", "Which university stood behind {it}?")),
    )),
    Kind("rule", lambda m: f"the {m.draw.choice(['parking', 'laptop', 'travel', 'visitor', 'overtime', 'training'])} policy of {m.place()}", (
        Fact(lambda m: f"{m.number(2, 60)} days", ("Under {it} a request has to be made {v} ahead.", "{it} asks for a notice of {v}."),
             ("How far ahead does {it} want a request?", "What notice does {it} ask for?")),
        Fact(lambda m: f"{m.number(20, 5000)} euros", ("{it} pays up to {v}.", "The limit under {it} is {v}."),
             ("What is the limit under {it}?", "Up to how much does {it} pay?")),
        Fact(_one_of("the head of department", "the works council", "the finance office", "any line manager", "two directors"),
             ("Exceptions from {it} are granted by {v}.", "Under {it}, {v} may grant an exception."), ("Who grants exceptions from {it}?", "Whom does one ask for an exception from {it}?")),
        Fact(lambda m: f"1 {m.draw.choice(MONTHS)}", ("{it} takes effect on {v}.", "From {v} on, {it} applies to all."),
             ("From when on does {it} apply?", "When does {it} take effect?")),
        Fact(_one_of("interns", "contractors", "shift workers", "board members", "drivers"),
             ("{it} does not cover {v}.", "Of all staff only {v} fall outside {it}."), ("Whom does {it} not cover?", "Who falls outside {it}?")),
    )),
    Kind("match", lambda m: f"the {m.year(1950)} {m.place()} Cup", (
        Fact(lambda m: f"{m.place()} {m.draw.choice(['Rovers', 'United', 'Athletic'])}", ("{v} won {it}.", "{it} went to {v}.", "The trophy of {it} was lifted by {v}."),
             ("Who won {it}?", "To which team did {it} go?")),
        Fact(_unit(900, 88_000, "spectators", "people"), ("{it} was watched by {v}.", "{v} came to the final of {it}."),
             ("How many watched {it}?", "What was the attendance at {it}?")),
        Fact(lambda m: f"{m.place()} Park", ("{it} was played at {v}.", "The final of {it} took place at {v}."),
             ("Where was {it} played?", "At what ground did the final of {it} take place?")),
        Fact(_person, ("{v} scored the goal that decided {it}.", "The decisive goal of {it} was scored by {v}."),
             ("Who scored the decisive goal of {it}?", "Whose goal decided {it}?")),
    )),
    Kind("mountain", lambda m: f"Mount {m.place()}", (
        Fact(lambda m: f"{m.number(800, 8200):,} metres", ("{it} rises to {v}.", "The summit of {it} lies at {v}."), ("How high is {it}?", "At what height is the summit of {it}?")),
        Fact(_person, ("{it} was first climbed by {v}.", "The first to stand on {it} was {v}."), ("Who first climbed {it}?", "Who was the first on {it}?")),
        Fact(_year, ("The first ascent of {it} was made in {v}.", "Not before {v} did anyone climb {it}."), ("When was {it} first climbed?", "In which year was the first ascent of {it}?")),
        Fact(_one_of("basalt", "granite", "sandstone", "slate", "limestone"), ("{it} consists of {v}.", "The rock of {it} is {v}."), ("What rock is {it} made of?", "What does {it} consist of?")),
    )),
    Kind("device", lambda m: f"the {m.surname()} {m.code()}", (
        Fact(lambda m: f"{m.decimal(0.4, 48)} kilograms", ("{it} weighs {v}.", "With {v}, {it} is easy to lift."), ("How heavy is {it}?", "What does {it} weigh?")),
        Fact(lambda m: f"{m.number(2, 96)} hours", ("A charge of {it} lasts {v}.", "{it} runs for {v} without a cable."), ("How long does a charge of {it} last?", "How long does {it} run without a cable?")),
        Fact(lambda m: f"{m.number(12, 84)} months", ("The warranty of {it} is {v}.", "{it} is guaranteed for {v}."), ("How long is the warranty of {it}?", "For how long is {it} guaranteed?")),
        Fact(lambda m: f"minus {m.number(2, 40)} degrees", ("{it} works down to {v}.", "Below {v}, {it} switches itself off."), ("Down to what temperature does {it} work?", "At what cold does {it} switch itself off?")),
        Fact(lambda m: f"{m.decimal(9, 900, 2):.2f} euros", ("{it} is sold for {v}.", "The price of {it} is {v}."), ("What does {it} cost?", "What is the price of {it}?")),
    )),
)  # fmt: skip
