"""Kinds of parameters that invented tools have: their names, types and values, and how requests speak of them."""

# ruff: noqa: E501 - a row of a table stays on its line

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from secretariat.models.training.data.invented import MONTHS, Inventor

Value = Callable[[Inventor], Any]
Spoken = Callable[[Any, random.Random], str]


@dataclass(frozen=True, slots=True)
class Kind:
    """`phrases` say a value, `{v}`, or the members of an object by their names, in a request. `spoken`: how it is
    said where not as it is written. `default`: what a tool takes that isn't told."""

    names: tuple[str, ...]
    type: str
    meaning: str
    value: Value
    phrases: tuple[str, ...]
    choices: tuple[str, ...] = ()
    items: str = ""
    members: Mapping[str, str] = field(default_factory=dict)
    spoken: Spoken | None = None
    default: str = ""


def _n(least: int, most: int) -> Value:
    return lambda make: make.number(least, most)


def _f(least: float, most: float, places: int = 1) -> Value:
    """Often a whole number, as people say them."""
    return lambda make: (
        round(v) if (v := make.decimal(least, most, places)) >= 1 and make.draw.random() < 0.5 else v
    )


def _of(*choices: str) -> Value:
    return lambda make: make.draw.choice(choices)


def _many(one: Value, least: int = 2, most: int = 5) -> Value:
    return lambda make: [one(make) for _ in range(make.draw.randint(least, most))]


def _choice(names: str, meaning: str, phrase: str, *choices: str, default: str = "") -> Kind:
    return Kind(
        tuple(names.split()),
        "string",
        meaning,
        _of(*choices),
        (phrase,),
        choices,
        default=default or choices[0],
    )


def _flag(names: str, meaning: str, yes: str, no: str) -> Kind:
    return Kind(
        tuple(names.split()), "boolean", meaning, lambda m: m.draw.random() < 0.6, (yes, no), default="false"
    )


def _day(value: str, draw: random.Random) -> str:
    """2025-03-04, or 4 March 2025."""
    year, month, day = value.split("-")
    name = MONTHS[int(month) - 1]
    return draw.choice((value, f"{int(day)} {name} {year}", f"{name} {int(day)}, {year}"))


def _hour(value: str, draw: random.Random) -> str:
    hour, minute = value.split(":")
    half = "am" if int(hour) < 12 else "pm"
    return draw.choice((value, f"{(int(hour) - 1) % 12 + 1}:{minute} {half}"))


def _percent(value: float, _draw: random.Random) -> str:
    return f"{round(value * 100, 2):g}%"


_CITIES = _of(
    "Lisbon", "Oslo", "Nairobi", "Kyoto", "Montreal", "Porto", "Leeds", "Hanoi", "Quito", "Perth", "Denver", "Gdansk",
    "Madrid", "Chicago", "Cape Town", "Seoul", "Buenos Aires", "Rome", "Houston", "New Delhi",
)  # fmt: skip
_TOWNS = _of(
    "Lisbon, Portugal",
    "Denver, CO",
    "Kyoto, Japan",
    "Austin, TX",
    "Leeds, UK",
    "Lyon, France",
    "Accra, Ghana",
    "Salem, OR",
)
_DATE = lambda make: f"20{make.number(23, 29)}-{make.number(1, 12):02}-{make.number(1, 28):02}"  # noqa: E731
_TIME = lambda m: f"{m.number(7, 21):02}:{m.draw.choice(['00', '15', '30'])}"  # noqa: E731
_SHARE = lambda m: round(m.number(2, 60) / 400, 4)  # noqa: E731

K: dict[str, Kind] = {
    "length": Kind(("length", "distance", "span"), "float", "Length in metres", _f(1, 90), ("with a length of {v} metres", "that is {v} metres long", "of length {v} m")),
    "width": Kind(("width", "breadth"), "float", "Width in metres", _f(1, 60), ("with a width of {v} metres", "that is {v} metres wide", "of width {v} m")),
    "height": Kind(("height", "height_cm"), "integer", "Height in centimetres", _n(2, 240), ("with a height of {v} centimetres", "that is {v} cm high")),
    "radius": Kind(("radius", "r"), "float", "Radius", _f(1, 40), ("with a radius of {v}", "whose radius is {v} units")),
    "base": Kind(("base", "side_a"), "integer", "First side", _n(2, 60), ("with a base of {v}", "whose first side is {v} units")),
    "other_side": Kind(("side_b", "second_side"), "integer", "Second side", _n(2, 60), ("and a second side of {v}", "with another side of {v} units")),
    "sides": Kind(("sides", "side_count"), "integer", "How many sides it has", _n(3, 12), ("with {v} sides", "that has exactly {v} sides")),
    "angle": Kind(("angle", "angle_degrees"), "float", "Angle in degrees", _f(5, 170), ("with an angle of {v} degrees", "at {v} degrees")),
    "mass": Kind(("mass", "weight", "mass_kg"), "float", "Mass in kilograms", _f(0.5, 900), ("with a mass of {v} kg", "for a weight of {v} kilograms", "weighing {v} kg")),
    "speed": Kind(("speed", "velocity"), "float", "Speed in metres per second", _f(1, 120), ("at a speed of {v} m/s", "moving at {v} metres per second")),
    "force": Kind(("force", "force_newtons"), "float", "Force in newtons", _f(1, 900), ("under a force of {v} N", "with {v} newtons")),
    "volts": Kind(("voltage", "volts"), "float", "Voltage in volts", _f(1, 400), ("at {v} volts", "with a voltage of {v} V")),
    "ohms": Kind(("resistance", "ohms"), "float", "Resistance in ohms", _f(1, 900), ("through {v} ohms", "with a resistance of {v} ohm")),
    "seconds": Kind(("time", "duration", "seconds"), "integer", "Time in seconds", _n(1, 600), ("over {v} seconds", "for {v} seconds")),
    "hours": Kind(("hours", "duration_hours"), "integer", "Time in hours", _n(1, 72), ("for {v} hours", "over {v} hours")),
    "days": Kind(("days", "number_of_days", "nights"), "integer", "How many days", _n(1, 30), ("for {v} days", "over {v} days"), default="1"),
    "years": Kind(("years", "term_years", "period"), "integer", "How many years", _n(1, 40), ("over {v} years", "for {v} years")),
    "money": Kind(("amount", "principal", "sum"), "integer", "Sum of money in dollars", _n(20, 90_000), ("for {v} dollars", "on an amount of ${v}", "with ${v}")),
    "rate": Kind(("rate", "interest_rate", "annual_rate"), "float", "Yearly rate in percent", _f(0.5, 14, 2), ("at a rate of {v} percent", "at {v}% a year")),
    "share": Kind(("rate", "annual_rate", "growth_rate"), "float", "Yearly rate as a decimal, 0.05 for 5%", _SHARE, ("at {v} a year", "with a yearly rate of {v}"), spoken=_percent),
    "budget": Kind(("budget", "max_price", "price_limit"), "float", "The most to spend, in dollars", _f(15, 4000, 2), ("for at most ${v}", "with a budget of {v} dollars", "under {v} dollars")),
    "count": Kind(("count", "limit", "max_results"), "integer", "How many results to give", _n(2, 50), ("and give me {v} of them", "with no more than {v} results"), default="10"),
    "people": Kind(("guests", "people", "party_size"), "integer", "How many people", _n(1, 14), ("for {v} people", "for a party of {v}"), default="2"),
    "quantity": Kind(("quantity", "units", "number_of_items"), "integer", "How many pieces", _n(2, 400), ("for {v} pieces", "in a quantity of {v}"), default="1"),
    "age": Kind(("age", "age_years"), "integer", "Age in years", _n(6, 95), ("for a person of {v} years", "at the age of {v}")),
    "city": Kind(("city", "location", "town"), "string", "Name of the city", _CITIES, ("in {v}", "around {v}")),
    "town": Kind(("location", "place", "city"), "string", "City and state or country, as in 'Reno, NV'", _TOWNS, ("in {v}", "near {v}")),
    "from": Kind(("origin", "from_city", "departure"), "string", "Where it starts", _CITIES, ("from {v}", "starting in {v}")),
    "to": Kind(("destination", "to_city", "arrival"), "string", "Where it ends", _CITIES, ("to {v}", "going to {v}")),
    "country": Kind(("country", "nation"), "string", "Name of the country", _of("Norway", "Chile", "Kenya", "Japan", "Ghana", "Peru", "Finland", "Vietnam", "Canada", "Brazil", "India", "Egypt"), ("in {v}", "for {v}")),
    "date": Kind(("date", "day", "on_date"), "string", "Date as YYYY-MM-DD", _DATE, ("on {v}", "dated {v}"), spoken=_day, default="today"),
    "since": Kind(("start_date", "since", "from_date"), "string", "First day, as YYYY-MM-DD", _DATE, ("from {v} on", "since {v}"), spoken=_day),
    "year": Kind(("year", "in_year"), "integer", "The year", _n(1820, 2024), ("in {v}", "for the year {v}"), default="the present year"),
    "clock": Kind(("time", "start_time", "at"), "string", "Time of day as HH:MM, of 24 hours", _TIME, ("at {v}", "starting at {v}"), spoken=_hour),
    "person": Kind(("name", "person", "full_name"), "string", "Full name of the person", Inventor.person, ("for {v}", "named {v}")),
    "author": Kind(("author", "artist", "creator"), "string", "Who made it", Inventor.person, ("by {v}", "made by {v}")),
    "mail": Kind(("email", "address", "recipient"), "string", "E-mail address", lambda m: m.mail(m.person()), ("to {v}", "using {v}")),
    "code": Kind(("order_id", "reference", "tracking_code"), "string", "Reference code", Inventor.code, ("with the number {v}", "under reference {v}")),
    "company": Kind(("company", "company_name", "firm"), "string", "Name of the company", lambda m: f"{m.surname()} {m.draw.choice(['Foods', 'Optics', 'Steel', 'Airlines'])}", ("of {v}", "at {v}")),
    "team": Kind(("team", "team_name", "club"), "string", "Name of the team", lambda m: f"{m.place()} {m.draw.choice(['Rovers', 'Hawks', 'United'])}", ("of the team {v}", "for the team {v}")),
    "language": Kind(("language", "target_language"), "string", "Language by its English name", _of("Danish", "Swahili", "Korean", "Polish", "Greek", "Hindi"), ("in {v}", "into {v}"), default="English"),
    "genre": Kind(("genre", "category"), "string", "Kind of work", _of("jazz", "folk", "crime", "science fiction", "poetry", "opera"), ("in the {v} genre", "of the kind {v}")),
    "topic": Kind(("topic", "subject", "keyword"), "string", "What it is about", _of("solar power", "bees", "tax reform", "glaciers", "coffee", "railways", "sleep", "copyright", "water rights", "chess"), ("about {v}", "on the subject of {v}")),
    "title": Kind(("title", "work", "name"), "string", "Title of the work", lambda m: f"The {m.draw.choice(['Silent', 'Last', 'Glass'])} {m.draw.choice(['Ferry', 'Orchard', 'Witness', 'Harbour'])}", ("called '{v}'", "with the title '{v}'")),
    "event": Kind(("event", "event_name"), "string", "Name of the event", lambda m: f"the {m.draw.choice(['Siege', 'Treaty', 'Battle', 'Fire'])} of {m.place()}", ("of {v}", "concerning {v}")),
    "ingredient": Kind(("ingredient", "main_ingredient"), "string", "Ingredient that must be in it", _of("lentils", "salmon", "aubergine", "tofu", "pumpkin", "rice"), ("with {v}", "made from {v}")),
    "ingredients": Kind(("ingredients", "on_hand"), "array", "What is at hand", lambda m: m.draw.sample(["rice", "eggs", "onions", "beans", "cheese", "spinach", "chicken"], m.number(2, 4)), ("with {v}", "out of {v}"), items="string"),
    "cuisine": _choice("cuisine style", "Which cuisine", "of the {v} kind", "italian", "thai", "mexican", "ethiopian", "georgian"),
    "level": _choice("level difficulty", "How hard it is", "at {v} level", "beginner", "intermediate", "advanced"),
    "unit": _choice("unit units", "Unit of the result", "in {v}", "celsius", "fahrenheit", "kelvin"),
    "length_unit": _choice("unit output_unit", "Unit of the result", "in {v}", "metres", "feet", "inches"),
    "currency": _choice("currency target_currency", "Currency code", "in {v}", "USD", "EUR", "GBP", "JPY", "CHF"),
    "priority": _choice("priority urgency", "How urgent it is", "with {v} priority", "normal", "low", "high"),
    "format": _choice("format file_format", "Kind of file", "as {v}", "pdf", "csv", "html"),
    "mode": _choice("mode transport", "How to travel", "by {v}", "train", "bus", "ferry", "bicycle"),
    "gender": _choice("gender sex", "Sex of the person", "for a {v} person", "female", "male"),
    "colour": Kind(("color", "colour"), "string", "Colour", _of("green", "dark blue", "white", "red", "grey"), ("in {v}", "coloured {v}"), default="white"),
    "species": Kind(("species", "animal"), "string", "Which species", _of("grey wolf", "barn owl", "red deer", "honey bee", "sea otter", "African elephant"), ("of the {v}", "for the species {v}")),
    "compound": Kind(("compound", "substance"), "string", "Which substance", _of("sodium chloride", "ethanol", "copper sulfate", "ammonia", "glucose", "water"), ("of {v}", "for {v}")),
    "formula": Kind(("function", "expression", "formula"), "string", "Function of x, as text", lambda m: f"{m.number(2, 9)}x^{m.number(2, 4)} {m.draw.choice('+-')} {m.number(2, 9)}x", ("of {v}", "for the function {v}")),
    "at_x": Kind(("x", "point", "at"), "float", "Where, as a value of x", _f(1, 20), ("at x = {v}", "at the point x = {v}")),
    "pressure": Kind(("pressure", "pressure_kpa"), "float", "Pressure in kilopascals", _f(20, 900), ("at {v} kPa", "under a pressure of {v} kilopascals")),
    "temperature": Kind(("temperature", "temp"), "float", "Temperature in degrees Celsius", _f(-30, 220), ("at {v} degrees", "at a temperature of {v} °C"), default="20"),
    "numbers": Kind(("numbers", "values", "data"), "array", "The numbers", _many(_n(1, 99), 3, 7), ("of {v}", "for the numbers {v}"), items="integer"),
    "decimals": Kind(("scores", "measurements", "samples"), "array", "The measurements", _many(_f(0, 60), 3, 6), ("of {v}", "for the measurements {v}"), items="float"),
    "names": Kind(("attendees", "members", "players"), "array", "Names of the people", lambda m: [m.person() for _ in range(m.number(2, 3))], ("with {v}", "for {v}"), items="string"),
    "features": Kind(("features", "amenities", "requirements"), "array", "What it must have", lambda m: m.draw.sample(["parking", "a garden", "a lift", "wifi", "a kitchen", "heating"], m.number(1, 3)), ("with {v}", "that has {v}"), items="string"),
    "prices": Kind(("price_range", "between"), "dict", "Lowest and highest price in dollars", lambda m: {"min": (low := m.number(2, 60) * 10), "max": low + m.number(2, 90) * 10}, ("between {min} and {max} dollars", "from ${min} to ${max}"), members={"min": "integer", "max": "integer"}),
    "place": Kind(("coordinates", "position"), "dict", "Latitude and longitude", lambda m: {"latitude": m.decimal(-80, 80, 2), "longitude": m.decimal(-170, 170, 2)}, ("at latitude {latitude} and longitude {longitude}", "at the position {latitude}, {longitude}"), members={"latitude": "float", "longitude": "float"}),
    "customer": Kind(("customer", "applicant"), "dict", "Name and age of the person", lambda m: {"name": m.person(), "age": m.number(18, 90)}, ("for {name}, aged {age}", "for {name}, who is {age} years old"), members={"name": "string", "age": "integer"}),
    "detail": _flag("detailed include_details verbose", "Whether to give all details", "with all details", "without details"),
    "round": _flag("round_trip return_trip", "Whether the way back is included", "there and back", "one way only"),
    "history": _flag("include_history historical", "Whether to give earlier values too", "including earlier values", "without the earlier values"),
}  # fmt: skip
SPOKEN_FLAGS = frozenset(kind.phrases[0] for kind in K.values() if kind.type == "boolean")
