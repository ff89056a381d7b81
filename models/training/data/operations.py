"""What invented tools do: operations of many trades, the kinds of their parameters, and how requests speak of these.

None of it is taken from a public set of tools.
"""

# ruff: noqa: E501 - a row of a table stays on its line

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from secretariat.models.training.data.invented import Inventor

Value = Callable[[Inventor], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of parameter. `phrases` say a value, `{v}`, in a request."""

    names: tuple[str, ...]
    type: str
    meaning: str
    value: Value
    phrases: tuple[str, ...]
    choices: tuple[str, ...] = ()
    items: str = ""


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


def _choice(names: str, meaning: str, phrase: str, *choices: str) -> Kind:
    return Kind(tuple(names.split()), "string", meaning, _of(*choices), (phrase,), choices)


_CITIES = _of(
    "Lisbon",
    "Oslo",
    "Nairobi",
    "Kyoto",
    "Montreal",
    "Porto",
    "Leeds",
    "Hanoi",
    "Quito",
    "Perth",
    "Denver",
    "Gdansk",
)
_DATE = lambda make: f"20{make.number(23, 29)}-{make.number(1, 12):02}-{make.number(1, 28):02}"  # noqa: E731

K: dict[str, Kind] = {
    "length": Kind(("length", "distance", "span"), "float", "Length in metres", _f(1, 90), ("with a length of {v} metres", "that is {v} metres long")),
    "width": Kind(("width", "breadth"), "float", "Width in metres", _f(1, 60), ("with a width of {v} metres", "that is {v} metres wide")),
    "height": Kind(("height", "elevation"), "integer", "Height in centimetres", _n(2, 240), ("with a height of {v} centimetres", "that is {v} cm high")),
    "sides": Kind(("sides", "side_count"), "integer", "How many sides it has", _n(3, 12), ("with {v} sides", "that has exactly {v} sides")),
    "angle": Kind(("angle", "angle_degrees"), "float", "Angle in degrees", _f(5, 170), ("with an angle of {v} degrees", "at {v} degrees of slope")),
    "mass": Kind(("mass", "weight", "mass_kg"), "float", "Mass in kilograms", _f(0.5, 900), ("with a mass of {v} kg", "for a weight of {v} kilograms")),
    "speed": Kind(("speed", "velocity"), "float", "Speed in metres per second", _f(1, 120), ("at a speed of {v} m/s", "moving at {v} metres per second")),
    "seconds": Kind(("time", "duration", "seconds"), "integer", "Time in seconds", _n(1, 600), ("after {v} seconds", "for {v} seconds")),
    "hours": Kind(("hours", "duration_hours"), "integer", "Time in hours", _n(1, 72), ("for {v} hours", "over {v} hours")),
    "days": Kind(("days", "number_of_days", "nights"), "integer", "How many days", _n(1, 30), ("for {v} days", "over {v} days")),
    "years": Kind(("years", "term_years", "period"), "integer", "How many years", _n(1, 40), ("over {v} years", "for {v} years")),
    "money": Kind(("amount", "principal", "sum"), "integer", "Sum of money in dollars", _n(20, 90_000), ("for {v} dollars", "on an amount of ${v}")),
    "rate": Kind(("rate", "interest_rate", "annual_rate"), "float", "Yearly rate in percent", _f(0.5, 14, 2), ("at a rate of {v} percent", "at {v}% a year")),
    "budget": Kind(("budget", "max_price", "price_limit"), "float", "The most to spend, in dollars", _f(15, 4000, 2), ("for at most ${v}", "with a budget of {v} dollars")),
    "count": Kind(("count", "limit", "max_results"), "integer", "How many results to give", _n(2, 50), ("and give me {v} of them", "with no more than {v} results")),
    "people": Kind(("guests", "people", "party_size"), "integer", "How many people", _n(1, 14), ("for {v} people", "for a party of {v}")),
    "quantity": Kind(("quantity", "units", "number_of_items"), "integer", "How many pieces", _n(2, 400), ("for {v} pieces", "in a quantity of {v}")),
    "city": Kind(("city", "location", "town"), "string", "Name of the city", _CITIES, ("in {v}", "around {v}")),
    "from": Kind(("origin", "from_city", "departure"), "string", "Where it starts", _CITIES, ("from {v}", "starting in {v}")),
    "to": Kind(("destination", "to_city", "arrival"), "string", "Where it ends", _CITIES, ("to {v}", "going to {v}")),
    "country": Kind(("country", "nation"), "string", "Name of the country", _of("Norway", "Chile", "Kenya", "Japan", "Ghana", "Peru", "Finland", "Vietnam"), ("in {v}", "for {v}")),
    "date": Kind(("date", "day", "on_date"), "string", "Date as YYYY-MM-DD", _DATE, ("on {v}", "dated {v}")),
    "since": Kind(("start_date", "since", "from_date"), "string", "First day, as YYYY-MM-DD", _DATE, ("from {v} on", "since {v}")),
    "year": Kind(("year", "in_year"), "integer", "The year", _n(1820, 2024), ("in {v}", "for the year {v}")),
    "clock": Kind(("time", "start_time", "at"), "string", "Time of day as HH:MM", lambda m: f"{m.number(7, 21):02}:{m.draw.choice(['00', '15', '30'])}", ("at {v}", "starting at {v}")),
    "person": Kind(("name", "person", "full_name"), "string", "Full name of the person", Inventor.person, ("for {v}", "named {v}")),
    "author": Kind(("author", "artist", "creator"), "string", "Who made it", Inventor.person, ("by {v}", "made by {v}")),
    "mail": Kind(("email", "address", "recipient"), "string", "E-mail address", lambda m: m.mail(m.person()), ("to {v}", "using {v}")),
    "code": Kind(("order_id", "reference", "tracking_code"), "string", "Reference code", Inventor.code, ("with the number {v}", "under reference {v}")),
    "company": Kind(("company", "company_name", "firm"), "string", "Name of the company", lambda m: f"{m.surname()} {m.draw.choice(['Foods', 'Optics', 'Steel', 'Airlines'])}", ("of {v}", "at {v}")),
    "language": Kind(("language", "target_language"), "string", "Language by its English name", _of("Danish", "Swahili", "Korean", "Polish", "Greek", "Hindi"), ("in {v}", "into {v}")),
    "genre": Kind(("genre", "category"), "string", "Kind of work", _of("jazz", "folk", "crime", "science fiction", "poetry", "opera"), ("in the {v} genre", "that count as {v}")),
    "topic": Kind(("topic", "subject", "keyword"), "string", "What it is about", _of("solar power", "bees", "tax reform", "glaciers", "coffee", "railways", "sleep"), ("about {v}", "on the subject of {v}")),
    "ingredient": Kind(("ingredient", "main_ingredient"), "string", "Ingredient that must be in it", _of("lentils", "salmon", "aubergine", "tofu", "pumpkin", "rice"), ("with {v}", "made from {v}")),
    "cuisine": _choice("cuisine style", "Which cuisine", "of the {v} kind", "italian", "thai", "mexican", "ethiopian", "georgian"),
    "level": _choice("level difficulty", "How hard it is", "at {v} level", "beginner", "intermediate", "advanced"),
    "unit": _choice("unit units", "Unit of the result", "in {v}", "celsius", "fahrenheit", "kelvin"),
    "currency": _choice("currency target_currency", "Currency code", "in {v}", "EUR", "GBP", "JPY", "CHF", "SEK"),
    "priority": _choice("priority urgency", "How urgent it is", "with {v} priority", "low", "normal", "high"),
    "format": _choice("format file_format", "Kind of file", "as {v}", "pdf", "csv", "html"),
    "mode": _choice("mode transport", "How to travel", "by {v}", "train", "bus", "ferry", "bicycle"),
    "colour": Kind(("color", "colour"), "string", "Colour", _of("green", "dark blue", "white", "red", "grey"), ("in {v}", "coloured {v}")),
    "species": Kind(("species", "animal"), "string", "Which species", _of("grey wolf", "barn owl", "red deer", "honey bee", "sea otter"), ("of the {v}", "for the species {v}")),
    "compound": Kind(("compound", "substance"), "string", "Which substance", _of("sodium chloride", "ethanol", "copper sulfate", "ammonia", "glucose"), ("of {v}", "for {v}")),
    "pressure": Kind(("pressure", "pressure_kpa"), "float", "Pressure in kilopascals", _f(20, 900), ("at {v} kPa", "under a pressure of {v} kilopascals")),
    "temperature": Kind(("temperature", "temp"), "float", "Temperature in degrees Celsius", _f(-30, 220), ("at {v} degrees", "at a temperature of {v} °C")),
    "numbers": Kind(("numbers", "values", "data"), "array", "The numbers", _many(_n(1, 99), 3, 7), ("of {v}", "for the numbers {v}"), items="integer"),
    "decimals": Kind(("scores", "measurements", "samples"), "array", "The measurements", _many(_f(0, 60), 3, 6), ("of {v}", "for the measurements {v}"), items="float"),
    "names": Kind(("attendees", "members", "players"), "array", "Names of the people", lambda m: [m.person() for _ in range(m.number(2, 3))], ("with {v}", "for {v}"), items="string"),
    "features": Kind(("features", "amenities", "requirements"), "array", "What it must have", lambda m: m.draw.sample(["parking", "a garden", "a lift", "wifi", "a kitchen", "heating"], m.number(1, 3)), ("with {v}", "that has {v}"), items="string"),
    "detail": Kind(("detailed", "include_details", "verbose"), "boolean", "Whether to give all details", lambda m: m.draw.random() < 0.5, ("with all details", "without details")),
    "round": Kind(("round_trip", "return_trip"), "boolean", "Whether the way back is included", lambda m: m.draw.random() < 0.5, ("there and back", "one way only")),
}  # fmt: skip
SPOKEN_FLAGS = {"with all details", "there and back"}


@dataclass(frozen=True, slots=True)
class Operation:
    """`needs` are kinds that requests always give, `may` those that they may leave out."""

    verbs: tuple[str, ...]
    things: tuple[str, ...]
    meaning: str
    needs: tuple[str, ...]
    may: tuple[str, ...] = ()


def _op(verbs: str, things: str, meaning: str, needs: str, may: str = "") -> Operation:
    spaced = tuple(thing.strip().replace("_", " ") for thing in things.split(","))
    return Operation(tuple(verbs.split()), spaced, meaning, tuple(needs.split()), tuple(may.split()))


OPERATIONS = (
    _op("calculate compute find", "area_of_a_rectangle, floor_area", "Area from length and width", "length width", "detail"),
    _op("calculate compute get", "volume_of_a_box, storage_volume", "Volume of a box", "length width height"),
    _op("calculate find", "interior_angle_of_a_polygon", "Interior angle of a regular polygon", "sides"),
    _op("calculate compute estimate", "kinetic_energy, momentum", "From mass and speed", "mass speed", "detail"),
    _op("calculate compute", "braking_distance, stopping_time", "From speed and slope", "speed angle", "temperature"),
    _op("calculate estimate", "compound_interest, future_value_of_savings", "What money grows to", "money rate years", "detail"),
    _op("calculate get", "monthly_payment_of_a_loan, mortgage_instalment", "What a loan costs a month", "money rate years"),
    _op("convert exchange", "money, a_sum", "Money in another currency", "money currency", "date"),
    _op("convert", "a_temperature", "A temperature in another unit", "temperature unit"),
    _op("compute find get", "mean, median, standard_deviation", "A statistic of numbers", "numbers", "detail"),
    _op("compute estimate", "variance, confidence_interval", "A statistic of measurements", "decimals"),
    _op("sort order", "a_list_of_numbers", "Numbers in order", "numbers"),
    _op("calculate find", "boiling_point, vapour_density", "A property of a substance", "compound pressure", "unit"),
    _op("find get look_up", "molar_mass, solubility", "A property of a substance", "compound", "temperature"),
    _op("get check forecast", "weather, rainfall, wind", "The weather of a place", "city", "date unit days"),
    _op("get look_up", "sunrise_time, tide_table", "Times of a day at a place", "city date"),
    _op("book reserve", "a_hotel_room, a_guest_house", "Books a room", "city since days", "people budget features"),
    _op("search find", "flights, connections", "Ways between two cities", "from to date", "round people"),
    _op("plan find get", "a_route, a_journey", "A way between two places", "from to", "mode clock"),
    _op("estimate calculate", "travel_time, fuel_cost", "What a journey takes", "from to", "mode speed"),
    _op("reserve book", "a_table, a_dinner", "Reserves a table", "city people clock", "cuisine date"),
    _op("find search", "restaurants, cafes", "Places to eat", "city", "cuisine budget count"),
    _op("find search suggest", "recipes, dishes", "What can be cooked", "ingredient", "cuisine count people"),
    _op("rent find", "a_flat, an_office", "Rooms to rent", "city budget", "features since"),
    _op("order buy", "office_supplies, spare_parts", "Orders goods", "company quantity", "colour priority"),
    _op("track check", "a_parcel, an_order", "Where something is", "code", "detail"),
    _op("cancel withdraw", "an_order, a_booking", "Takes back what was ordered", "code", "mail"),
    _op("send forward", "a_message, a_reminder", "Sends words to someone", "mail topic", "priority clock"),
    _op("schedule arrange", "a_meeting, a_call", "Puts a meeting into the calendar", "names date", "clock topic"),
    _op("create open", "a_ticket, a_case", "Opens a case", "person topic", "priority date"),
    _op("export download", "a_report, the_accounts", "A file of figures", "company year", "format"),
    _op("get look_up", "stock_price, market_value", "What a company is worth", "company", "date currency"),
    _op("get find", "revenue, number_of_employees", "A figure of a company", "company year", "currency"),
    _op("find search recommend", "books, films", "Works that fit", "genre", "author year count"),
    _op("find list", "concerts, exhibitions", "What is on", "city since", "genre budget"),
    _op("translate render", "a_letter, an_article", "Puts words into another language", "topic language", "format"),
    _op("find enroll_in search", "a_course, lessons", "Teaching on a subject", "topic level", "language city"),
    _op("get find", "population, life_expectancy", "A figure of a country", "country", "year"),
    _op("find list", "court_cases, statutes", "Law on a subject", "topic country", "year count"),
    _op("get look_up", "habitat, diet, life_span", "What is known of a species", "species", "country"),
    _op("estimate count", "a_population_of_animals", "How many live in a place", "species country", "year"),
    _op("calculate suggest", "calorie_needs, training_plan", "For a body of some mass", "mass height", "level days"),
    _op("log record", "a_workout, a_run", "Keeps what was trained", "length seconds", "date"),
    _op("find search", "matches, fixtures", "Games of a season", "city year", "count"),
    _op("mix paint simulate", "a_wall, a_facade", "Paint for a wall", "length colour", "budget"),
    _op("tune analyse", "a_melody, a_rhythm", "Music looked into", "genre seconds", "detail"),
    _op("water schedule", "a_garden, a_field", "When to water", "city hours", "temperature"),
    _op("register sign_up", "a_patient, a_visitor", "Puts a person on record", "person date", "mail"),
)  # fmt: skip
