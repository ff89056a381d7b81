"""What invented tools do: operations of many trades, and other words in which people ask for them.

None of it is taken from a public set of tools.
"""

# ruff: noqa: E501 - a row of a table stays on its line

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """`things` are names of one thing. `needs` are kinds that requests always give, `may` those that they may leave
    out. `asks`: requests in words of their own, `{said}` for the values. Operations of one `group` could stand in
    for each other, so none of them is offered as one that doesn't fit."""

    verbs: tuple[str, ...]
    things: tuple[str, ...]
    meaning: str
    needs: tuple[str, ...]
    may: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    group: str = ""


def _op(
    verbs: str, things: str, meaning: str, needs: str, may: str = "", asks: str = "", group: str = ""
) -> Operation:
    spaced = tuple(verb.replace("_", " ") for verb in verbs.split())
    named = tuple(thing.strip() for thing in things.split(","))
    other = tuple(ask.strip() for ask in asks.split("//") if ask.strip())
    return Operation(spaced, named, meaning, tuple(needs.split()), tuple(may.split()), other, group)


OPERATIONS = (
    _op("calculate compute find", "the area of a rectangle, the floor area", "Area from length and width", "length width", "length_unit", "How much carpet does a room need {said}? // How big is a plot {said}?"),
    _op("calculate find compute", "the area of a triangle", "Area of a right triangle from its two legs", "base other_side", "length_unit", "How large is a triangular plot {said}?"),
    _op("calculate compute", "the area of a circle", "Area from the radius", "radius", "length_unit", "How much ground does a round table cover {said}?"),
    _op("calculate find", "the circumference of a circle", "Way around a circle", "radius", "length_unit", "How far is it around a pond {said}?"),
    _op("calculate get", "the hypotenuse, the longest side of a right triangle", "Longest side from the two others", "base other_side", "", "How long is the slanted side {said}?"),
    _op("calculate compute get", "the volume of a box, the storage volume", "Volume of a box from its three sides", "length width height", "", "How much fits into a crate {said}?"),
    _op("calculate compute", "the volume of a sphere", "Volume of a ball from its radius", "radius", "length_unit", "How much air is in a ball {said}?"),
    _op("calculate find", "the interior angle of a polygon", "Interior angle of a regular polygon", "sides", "", "How wide is each corner of a figure {said}?"),
    _op("calculate compute estimate", "the kinetic energy", "Energy of motion from mass and speed", "mass speed", "", "How much energy is in a body {said}?"),
    _op("calculate find", "the momentum", "Mass times speed", "mass speed", "", ""),
    _op("calculate compute", "the acceleration", "How strongly a force speeds up a mass", "force mass", "", "How fast does a cart pick up speed {said}?"),
    _op("calculate compute", "the braking distance", "How far a car goes until it stands", "speed", "angle", "How far does a car roll before it stops {said}?"),
    _op("calculate find", "the electric current", "Current by Ohm's law", "volts ohms", "", "How many amperes flow {said}?"),
    _op("compute calculate", "the electric power", "Power turned into heat in a resistor", "volts ohms", "", "How many watts does a heater take {said}?"),
    _op("differentiate derive", "a function", "Derivative of a function at a point", "formula at_x", "", "What is the slope {said}?"),
    _op("integrate", "a function", "Integral of a function from 0 on", "formula at_x", "", "What is the area below the curve {said}?"),
    _op("calculate estimate project", "the future value of savings, compound interest", "What money grows to with interest on interest", "money share years", "detail", "What will my savings have become {said}?"),
    _op("calculate compute", "simple interest", "Interest without interest on interest", "money rate years", "", ""),
    _op("calculate get", "the monthly payment of a loan, the mortgage instalment", "What a loan costs each month", "money rate years", "detail", "What do I pay each month on a loan {said}?"),
    _op("convert exchange", "a sum of money", "Money in another currency", "money currency", "date", "How much do I get {said}?"),
    _op("convert", "a temperature", "A temperature in another unit", "temperature unit", "", ""),
    _op("compute find get", "the mean", "Arithmetic mean of numbers", "numbers", "", "What is the average {said}?"),
    _op("compute find get", "the median", "Middle one of numbers put in order", "numbers", "", "Which number is in the middle {said}?"),
    _op("compute calculate", "the standard deviation", "How far numbers spread around their mean", "decimals", "detail", "How strong is the scatter {said}?"),
    _op("find get", "the largest number, the maximum", "Largest of some numbers", "numbers", "", ""),
    _op("sort order", "a list of numbers", "Numbers in order", "numbers", "", "Put in order the list {said}."),
    _op("calculate find", "the greatest common divisor", "Largest number that divides two others", "base other_side", "", ""),
    _op("calculate find", "the boiling point", "Temperature at which a substance boils", "compound pressure", "unit", "When does it boil {said}?"),
    _op("find get look_up", "the molar mass", "Mass of a mole of a substance", "compound", "", "How heavy is a mole {said}?"),
    _op("find get look_up", "the solubility", "How much of a substance water takes", "compound", "temperature", "How much dissolves {said}?"),
    _op("get check forecast", "the weather", "What the weather will be at a place", "town", "date unit days", "Will I need an umbrella {said}? // Is it going to be cold {said}?"),
    _op("get check", "the air quality", "How clean the air is at a place", "city", "date", "Can I breathe freely outside {said}?"),
    _op("get look_up", "the sunrise time", "When the sun rises at a place", "city date", "", "When does it get light {said}?"),
    _op("get look_up", "the elevation", "How high a place lies above the sea", "place", "", "How high above the sea is the ground {said}?"),
    _op("book reserve", "a hotel room, a room in a guest house", "Books a room for nights", "city since days", "people budget features", "We need a bed {said}."),
    _op("search find", "flights", "Flights between two cities", "from to date", "round people", "I have to fly {said}.", "ways"),
    _op("search find", "train connections", "Trains between two cities", "from to", "date clock", "Which trains go {said}?", "ways"),
    _op("plan find get", "a route, the best way", "Directions between two places", "from to", "mode clock", "How do I get {said}?", "ways"),
    _op("calculate find", "the distance between cities", "How far two cities are apart", "from to", "length_unit", "How far is it {said}?"),
    _op("estimate calculate", "the travel time", "How long a journey takes", "from to", "mode", "How long does it take {said}?", "ways"),
    _op("estimate calculate", "the fuel cost", "What fuel a journey takes, in money", "from to", "currency", "What do I spend on petrol {said}?"),
    _op("reserve book", "a table, a table for dinner", "Reserves a table in a restaurant", "city people clock", "cuisine date", "We want to eat out {said}.", "eating"),
    _op("find search", "restaurants, places to eat", "Restaurants of a place", "city", "cuisine prices count", "Where can I eat well {said}?", "eating"),
    _op("find search suggest", "recipes", "What can be cooked of what is at hand", "ingredients", "cuisine count people", "What can I cook {said}?", "cooking"),
    _op("get look_up", "the calories of a dish", "Energy in a food", "ingredient", "", "How fattening is a dish {said}?", "cooking"),
    _op("find rent search", "a flat, an apartment", "Rooms to rent", "city prices", "features since", "We are looking for a new home {said}."),
    _op("estimate get", "the value of a house", "What a house is worth", "town", "features year", "What could I sell a house for {said}?"),
    _op("order buy", "office supplies, spare parts", "Orders goods from a seller", "company quantity", "colour priority", ""),
    _op("track locate", "a parcel, a delivery", "Where something that was sent is now", "code", "detail", "Where is my package {said}?"),
    _op("cancel withdraw", "an order, a booking", "Takes back what was ordered", "code", "mail", "I no longer want what I bought {said}."),
    _op("return send_back", "a purchase", "Starts sending goods back for money", "code", "priority", ""),
    _op("send forward", "a message, an e-mail", "Sends words to someone", "mail topic", "priority", "Let them know by mail {said}."),
    _op("set create", "a reminder, an alarm", "Reminds at a time", "topic clock", "date", "Don't let me forget it {said}."),
    _op("schedule arrange", "a meeting, a call", "Puts a meeting into the calendar", "names date", "clock topic", "I want to sit together {said}."),
    _op("create open", "a ticket, a case", "Opens a case for support", "person topic", "priority date", ""),
    _op("register sign_up", "a patient, a visitor", "Puts a person on record", "customer", "date mail", "There is somebody new {said}."),
    _op("quote calculate", "an insurance premium", "What an insurance costs", "customer money", "detail", "What would it cost to insure somebody {said}?"),
    _op("export download", "a report, the accounts", "A file of figures", "company year", "format", ""),
    _op("get look_up check", "the stock price, the share price", "What a share of a company costs", "company", "date currency history", "What are shares worth {said}?"),
    _op("get find", "the revenue, the yearly turnover", "What a company took in", "company year", "currency", "How much did they sell {said}?"),
    _op("get find", "the number of employees", "How many work for a company", "company", "year", "How many people work {said}?"),
    _op("find search recommend", "books", "Books that fit", "genre", "author year count", "I'd like something to read {said}."),
    _op("find search recommend", "films, movies", "Films that fit", "genre", "year count", "What could I watch tonight {said}?"),
    _op("get look_up", "the author of a work", "Who wrote a work", "title", "", "Whose work is the novel {said}?"),
    _op("get look_up", "reviews of a work", "What was written on a work", "title", "count", "What do critics think of the film {said}?"),
    _op("find list", "concerts, exhibitions", "What is on at a place", "city since", "genre budget", "Where can we go out {said}?"),
    _op("translate", "a text, an article", "Puts words into another language", "topic language", "format", ""),
    _op("find search", "courses, lessons", "Teaching on a subject", "topic level", "language city", "Where can I learn more {said}?"),
    _op("get find", "the population of a country", "How many people live in a country", "country", "year", "How many people live {said}?"),
    _op("get find", "the capital of a country", "Seat of a country's government", "country", "", "Where does the government sit {said}?"),
    _op("get find", "the life expectancy", "How old people become in a country", "country", "year gender", "How old do people get {said}?"),
    _op("get look_up", "the unemployment rate", "Share of people without work", "country year", "", "How many are out of work {said}?"),
    _op("find list search", "court cases, rulings", "What courts decided on a subject", "topic", "country year count", "What did judges decide {said}?"),
    _op("find look_up", "a statute, the law", "Law of a country on a subject", "topic country", "year", "Which rules apply {said}?"),
    _op("get look_up", "the date of a historical event", "When something happened", "event", "", "", "past"),
    _op("get find", "the causes of a historical event", "Why something happened", "event", "detail", "", "past"),
    _op("get look_up", "the habitat of an animal", "Where a species lives", "species", "country", "Where would I meet one {said}?", "beast"),
    _op("get look_up", "the life span of an animal", "How old a species becomes", "species", "", "How many years are given to one {said}?"),
    _op("estimate count", "the population of a species", "How many animals live in a place", "species country", "year", "How many are left {said}?"),
    _op("calculate compute", "the body mass index", "Ratio of mass and height of a body", "mass height", "", "Am I too heavy {said}?"),
    _op("calculate estimate", "the daily calorie needs", "How much energy a body needs a day", "mass height age", "gender", "How much should I eat {said}?"),
    _op("suggest plan", "a workout, a training plan", "What to train", "level", "days features", "How should I get fit {said}?"),
    _op("log record", "a run", "Keeps what was trained", "length seconds", "date", ""),
    _op("find search get", "fixtures, matches", "Games that a team plays", "team", "year count", "When is the next game {said}?"),
    _op("get look_up", "the standing of a team, the league rank", "Place of a team in its league", "team", "year", "How are things going {said}?"),
    _op("get check", "the score of a match, the result of a game", "How a game ended", "team date", "", "Who won the game {said}?"),
    _op("calculate estimate", "the paint for a wall", "How much paint a wall takes", "length width", "colour", "How many tins do I need {said}?"),
    _op("generate compose", "a melody, a chord progression", "Music of a kind", "genre", "seconds", ""),
    _op("water irrigate", "a garden, a field", "Waters for a while", "hours", "clock", "The plants are dry: give them water {said}."),
    _op("dim switch_on set", "the lights", "Light in a colour", "colour", "clock", ""),
    _op("roll throw", "dice", "Numbers drawn at random", "quantity", "sides", "I need a random result {said}."),
    _op("predict forecast", "the sales of a company", "What a company will sell", "company years", "share", "How will business go {said}?"),
    _op("split share", "a bill", "What each one pays", "money people", "currency", "What does each of us owe {said}?"),
)  # fmt: skip
