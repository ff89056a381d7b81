"""Trades that are invented as often as they are wanted: things of a kind, how one is found, and what is done to it.

Two dozen trades written by hand can be learnt by heart. Out of nouns and deeds come thousands, in which a tool
is told from its neighbours by its line alone: the same deed is done to other things, other deeds to the same.
"""

# ruff: noqa: E501 - a row of a table stays on its line

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass

from secretariat.models.training.data.invented import WEEKDAYS, Inventor
from secretariat.models.training.data.plan_families import Ask, Family, Value
from secretariat.models.training.data.plan_form import Action

_MOST_DEEDS, _ASKS = 5, 6
_WIDE = 0.35  # of trades: their tools speak of a device, requests of a drill
_DIRECT = 0.4  # of trades: things go by a name, and need not be found first


@dataclass(frozen=True, slots=True)
class _Deed:
    """`names` and `means` of its tool; `phrases` of requests, `{o}` for the thing and `{x}` for what `more` says."""

    names: tuple[str, ...]
    means: str
    phrases: tuple[str, ...]
    more: str = ""


@dataclass(frozen=True, slots=True)
class _Key:
    """How a thing is known from the others of its kind: `{n}` the noun, `{k}` the value."""

    name: str
    means: str
    said: tuple[str, ...]
    value: Value


def _do(names: str, means: str, phrases: str, more: str = "") -> _Deed:
    return _Deed(tuple(names.split()), means, tuple(part.strip() for part in phrases.split("//")), more)


_PAPERS = (
    _do("condense shorten abridge", "makes a {n} short", "sum up {o} // give me the gist of {o} // what does {o} say in a few words"),
    _do("translate", "puts a {n} into another language", "put {o} into {x} // I need {o} in {x} // what would {o} be in {x}", "language"),
    _do("sign endorse", "puts a signature below a {n}", "sign {o} // put my name below {o} // {o} still needs a signature"),
    _do("forward share pass_on", "gives someone a {n}", "let {x} have {o} // {x} should get {o} // hand {o} on to {x}", "person"),
    _do("archive file_away store", "puts a {n} into the archive", "keep {o} for later // {o} belongs into the archive // file {o}"),
    _do("shred destroy discard", "does away with a {n}", "get rid of {o} // nobody may read {o} any more // {o} can go"),
    _do("proofread correct check", "looks for mistakes in a {n}", "are there mistakes in {o} // look over {o} // go through {o} for errors"),
    _do("stamp date_stamp", "puts a date on a {n}", "date {o} {x} // {o} should bear the date of {x}", "day"),
)  # fmt: skip
_THINGS = (
    _do("repair fix", "has a {n} repaired", "get {o} mended // {o} is broken, see to that // make {o} work again"),
    _do("lend hand_out", "gives someone a {n} for a while", "{x} wants to borrow {o} // let {x} have {o} for a while", "person"),
    _do("clean wash", "makes a {n} clean", "{o} is dirty // have {o} washed // give {o} a scrub"),
    _do("insure", "insures a {n}", "get a policy for {o} // {o} isn't covered yet // insure {o}"),
    _do("inspect examine", "looks whether a {n} is in order", "is {o} all right // have a look at {o} // is anything wrong with {o}"),
    _do("refill top_up", "fills a {n} up", "{o} is empty // fill {o} up // put something into {o} again"),
    _do("scrap retire", "takes a {n} out of use", "we don't need {o} any longer // {o} is too old, away with it // throw out {o}"),
    _do("relocate move", "brings a {n} to another place", "bring {o} to {x} // {o} is wanted at {x} // take {o} to {x}", "place"),
)  # fmt: skip
_PEOPLE = (
    _do("phone ring_up call", "calls a {n}", "I want to speak to {o} // get {o} on the line // give {o} a ring"),
    _do("invite", "asks a {n} to come", "have {o} over on {x} // {o} should come on {x} // ask {o} in for {x}", "day"),
    _do("pay reward", "gives a {n} money", "{o} is waiting for the money // give {o} what is owed // settle up with {o}"),
    _do("remind nudge", "reminds a {n}", "{o} must not forget // give {o} a nudge // jog the memory of {o}"),
    _do("certify", "gives a {n} a certificate", "{o} needs it in writing // write a certificate for {o}"),
    _do("dismiss release", "lets a {n} go", "{o} can go // we no longer need {o} // let {o} go"),
    _do("assign_to", "gives a {n} a place to work at", "{o} works at {x} from now on // put {o} to work at {x}", "place"),
    _do("rate assess", "judges how good a {n} is", "how good is {o} // give {o} a mark // what do we think of {o}"),
)  # fmt: skip
_PLACES = (
    _do("reserve hold", "keeps a {n} for a day", "I want {o} on {x} // keep {o} for {x} // we need {o} on {x}", "day"),
    _do("heat warm_up", "makes a {n} warm", "it is cold in {o} // warm up {o} // {o} should be warm"),
    _do("lock close_off", "locks a {n}", "nobody may enter {o} // shut {o} // see that {o} is locked"),
    _do("sweep tidy", "makes a {n} tidy", "{o} is a mess // have {o} swept // {o} must look tidy"),
    _do("measure survey", "measures a {n}", "how large is {o} // tell me the size of {o} // take the measure of {o}"),
    _do("let rent_out", "lets a {n} to someone", "{x} moves into {o} // give {o} to {x} for rent", "person"),
    _do("decorate paint", "paints a {n}", "{o} needs new colour // give {o} a fresh coat // paint {o}"),
    _do("patrol watch", "has a {n} guarded", "keep an eye on {o} // somebody should guard {o} // is all well in {o}"),
)  # fmt: skip
_BEASTS = (
    _do("feed", "feeds a {n}", "{o} is hungry // give {o} something to eat // feed {o}"),
    _do("vaccinate inoculate", "vaccinates a {n}", "{o} needs its jab // protect {o} against disease"),
    _do("weigh", "tells how heavy a {n} is", "how heavy is {o} // put {o} on the scales // weigh {o}"),
    _do("groom brush", "brushes a {n}", "{o} looks shaggy // brush {o} // make {o} look neat"),
    _do("stable house", "gives a {n} a place to sleep", "{o} sleeps at {x} // put {o} up at {x}", "place"),
    _do("exercise train", "trains a {n}", "{o} needs to move // work with {o} // teach {o} something"),
    _do("adopt_out rehome", "gives a {n} to someone", "{o} goes to {x} // {x} takes {o} home", "person"),
)  # fmt: skip
_FIGURES = (
    _do("plot chart", "draws a {n}", "show me {o} as a picture // make a graph of {o} // draw {o}"),
    _do("export dump", "writes a {n} into a file", "I want {o} as a file // save {o} // get {o} out as a file"),
    _do("compare_with contrast", "compares a {n} with that of another place", "how does {o} differ from that of {x} // put {o} beside that of {x}", "place"),
    _do("audit verify", "looks whether a {n} is right", "can we trust {o} // check {o} // is {o} right"),
    _do("publish release", "makes a {n} public", "let everybody see {o} // put {o} on the net // {o} goes public"),
    _do("project extrapolate", "tells how a {n} goes on", "how will {o} go on // where is {o} heading // extend {o} into next year"),
    _do("explain_to", "tells someone what a {n} means", "{x} doesn't understand {o} // make {o} clear to {x}", "person"),
)  # fmt: skip
_TAPES = (
    _do("trim cut", "cuts a {n}", "{o} is too long // take the silence out of {o} // trim {o}"),
    _do("caption subtitle", "puts words below a {n}", "{o} needs words in {x} // people who speak {x} should follow {o}", "language"),
    _do("transcribe type_out", "writes down what is said in a {n}", "I want to read what is said in {o} // type out {o} // turn {o} into text"),
    _do("publish put_online", "brings a {n} online", "put {o} on our page // let people see {o} // {o} goes online"),
    _do("withdraw take_down", "takes a {n} off the net", "{o} has to disappear // take {o} down // nobody should find {o} online"),
    _do("amplify brighten", "makes a {n} better to follow", "{o} is hard to follow // make {o} clearer // clean {o} up"),
    _do("broadcast air", "sends a {n} to everyone on a day", "{o} is on air on {x} // send out {o} on {x}", "day"),
)  # fmt: skip
_MATTERS = (
    _do("cancel call_off", "ends a {n} before it begins", "{o} won't take place // we don't want {o} any more // stop {o}"),
    _do("postpone put_off", "moves a {n} to another day", "{o} should be on {x} instead // put {o} off until {x} // {o} has to wait until {x}", "day"),
    _do("confirm acknowledge", "says yes to a {n}", "{o} is fine with us // say yes to {o} // we agree to {o}"),
    _do("escalate raise", "hands a {n} to those above", "the boss should look at {o} // take {o} higher up // {o} is beyond us"),
    _do("entrust delegate", "puts someone in charge of a {n}", "{x} takes care of {o} // {o} is for {x} // let {x} handle {o}", "person"),
    _do("cost_out price", "tells what a {n} costs", "what will {o} cost // how dear is {o} // put a price on {o}"),
    _do("settle wrap_up", "brings a {n} to its end", "{o} is done // bring {o} to an end // finish {o}"),
    _do("advertise promote", "makes a {n} known", "people should hear of {o} // spread the word on {o} // advertise {o}"),
)  # fmt: skip
_KINDS = (
    ("contract report letter form drawing protocol brochure certificate tender manual statement reference licence leaflet", "document", _PAPERS),
    ("van printer projector forklift bicycle drill boat generator laptop tent ladder scanner tractor pump mower trailer", "device", _THINGS),
    ("nurse driver customer tenant volunteer supplier trainee witness plumber cook guard gardener agent lodger", "contact", _PEOPLE),
    ("hall workshop court cabin stall office meadow cellar garage lounge clinic kitchen warehouse studio", "space", _PLACES),
    ("horse cow dog cat goat parrot donkey sheep rabbit pony", "animal", _BEASTS),
    ("dataset survey ledger forecast budget census ranking timetable inventory roster", "table", _FIGURES),
    ("recording clip podcast interview lecture trailer speech newscast jingle", "programme", _TAPES),
    ("complaint claim order permit project event course match trial strike auction wedding excursion", "matter", _MATTERS),
)  # fmt: skip
_KEYS = (
    _Key("owner", "finds the {n} of a person", ("the {n} of {k}", "{k}'s {n}"), Inventor.person),
    _Key("number", "finds a {n} by its number", ("the {n} number {k}", "the {n} with the number {k}"), Inventor.code),
    _Key("town", "tells which {n} there is in a town", ("the {n} in {k}", "our {n} in {k}"), Inventor.place),
    _Key("month", "finds the {n} of a month", ("the {n} of {k}", "last {k}'s {n}"), lambda m: m.draw.choice(("March", "May", "July", "October", "December"))),
    _Key("label", "reads off a label which {n} it is", ("the {n} whose label is {k}", "the {n} on {k}"), lambda m: f"{m.place().lower()}.png"),
)  # fmt: skip
_FOUND = (
    "show me {o}", "look for {o}", "find {o}", "do we know {o}", "get me {o}", "I'd like to see {o}", "I'm looking for {o}",
)  # fmt: skip
_FINDS = ("find", "look_up", "search", "get", "fetch", "locate", "identify", "recognise", "list", "select")
_MORE: Mapping[str, Value] = {
    "person": Inventor.person,
    "day": lambda m: m.draw.choice(WEEKDAYS),
    "place": Inventor.place,
    "language": lambda m: m.draw.choice(("Danish", "Greek", "Korean", "Swahili", "Polish", "Hindi")),
}
_THEN = ("{a}, and then {b}", "{a} and {b}", "{a}, then {b}", "{a}; {b}", "first {a}, after that {b}")


def family(draw: random.Random) -> Family:
    """A finder, some deeds, and what is asked of them: a deed, two in a row, or the thing alone."""
    nouns, wide, deeds = draw.choice(_KINDS)
    noun = draw.choice(nouns.split())
    called = wide if draw.random() < _WIDE else noun
    chosen = draw.sample(deeds, draw.randint(2, _MOST_DEEDS))
    key = draw.choice(_KEYS)
    named = {deed: f"{draw.choice(deed.names)}_{called}" for deed in chosen}
    finder = f"{draw.choice(_FINDS)}_{called}"
    actions = [Action(named[deed], _meaning(deed.means, called), (called, *_told(deed))) for deed in chosen]
    actions.insert(draw.randint(0, len(actions)), Action(finder, _meaning(key.means, called), (key.name,)))
    values: dict[str, Value] = {"k": key.value, "w": _own_name, **_MORE}
    things = [said.format(n=noun, k="{k}") for said in key.said]
    asks = [Ask(tuple(found.format(o=thing) for found in _FOUND for thing in things), ((finder, ("{k}",)),))]
    asks += [_asked(draw, noun, key, finder, chosen, named) for _ in range(_ASKS)]
    return Family(tuple(actions), values, tuple(asks))


def _asked(
    draw: random.Random, noun: str, key: _Key, finder: str, deeds: list[_Deed], named: Mapping[_Deed, str]
) -> Ask:
    """What is called by its own name is taken as it is said; else it is found first."""
    direct = draw.random() < _DIRECT
    thing = f"the {noun} {{w}}" if direct else draw.choice(key.said).format(n=noun, k="{k}")
    done = draw.sample(deeds, draw.choices((1, 2), (0.65, 0.35))[0])
    what = "{w}" if direct else "$1"
    steps: tuple[tuple[str, tuple[str, ...]], ...] = () if direct else ((finder, ("{k}",)),)
    steps += tuple((named[deed], (what, *(f"{{{more}}}" for more in _told(deed)))) for deed in done)
    return Ask(tuple(_worded(draw, thing, done) for _ in range(3)), steps)


def _worded(draw: random.Random, thing: str, deeds: list[_Deed]) -> str:
    parts = [
        draw.choice(deed.phrases).format(o=o, x=_said(deed))
        for deed, o in zip(deeds, (thing, "it"), strict=False)
    ]
    return parts[0] if len(parts) == 1 else draw.choice(_THEN).format(a=parts[0], b=parts[1])


def _meaning(means: str, noun: str) -> str:
    return re.sub(r"\b(a)(?= [aeiou])", "an", means.format(n=noun))


def _told(deed: _Deed) -> tuple[str, ...]:
    return (deed.more,) if deed.more else ()


def _said(deed: _Deed) -> str:
    return f"{{{deed.more}}}" if deed.more else ""


def _own_name(make: Inventor) -> str:
    return make.draw.choice((make.place(), make.code(), make.surname()))
