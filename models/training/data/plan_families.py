"""Families of tools for plans to learn from, and how people ask for what takes several of them.

What plans are tested on has other families and other sentences.
"""

# ruff: noqa: E501 - a row of a table stays on its line

from collections.abc import Callable
from dataclasses import dataclass

from secretariat.models.training.data.invented import WEEKDAYS, Inventor
from secretariat.models.training.data.plan_form import Action

Value = Callable[[Inventor], str]


@dataclass(frozen=True, slots=True)
class Ask:
    """`pattern` holds `{a}`, `{b}` … by the names of `values`; `steps`: (tool, arguments), whose texts may hold them.

    `{0}` would be the step's own past: `$1` is what step 1 gives, counted within this ask.
    """

    patterns: tuple[str, ...]
    steps: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Family:
    actions: tuple[Action, ...]
    values: dict[str, Value]
    asks: tuple[Ask, ...]


def _a(name: str, parameters: str, meaning: str) -> Action:
    return Action(name, meaning, tuple(parameters.split()))


def _ask(patterns: str, *steps: str) -> Ask:
    """A step as `tool: argument | argument`."""
    parsed = []
    for step in steps:
        tool, _, arguments = step.partition(": ")
        parsed.append((tool, tuple(part.strip() for part in arguments.split("|")) if arguments else ()))
    return Ask(tuple(part.strip() for part in patterns.split("//")), tuple(parsed))


def _of(*choices: str) -> Value:
    return lambda make: make.draw.choice(choices)


_PERSON, _PLACE = Inventor.person, Inventor.place
_DAY: Value = lambda make: make.draw.choice(WEEKDAYS)  # noqa: E731
_NUMBER: Value = lambda make: str(make.number(2, 90))  # noqa: E731

FAMILIES = (
    Family(
        (_a("find_invoice", "supplier", "finds the last invoice of a supplier"), _a("pay_invoice", "invoice", "pays an invoice"),
         _a("dispute_invoice", "invoice reason", "objects to an invoice"), _a("archive_file", "file", "puts a file into the archive")),
        {"s": lambda m: f"{m.surname()} {m.draw.choice(['Steel', 'Paper', 'Cleaning'])}", "r": _of("the amount is wrong", "nothing was delivered", "it came twice")},
        (_ask("find the last invoice of {s} // which invoice did {s} send last", "find_invoice: {s}"),
         _ask("pay what {s} billed us // settle the latest bill from {s}", "find_invoice: {s}", "pay_invoice: $1"),
         _ask("object to the invoice of {s} because {r} // tell {s} that we won't pay their bill, {r}", "find_invoice: {s}", "dispute_invoice: $1 | {r}"),
         _ask("pay the invoice of {s} and file it away // get the {s} invoice paid, then put it into the archive", "find_invoice: {s}", "pay_invoice: $1", "archive_file: $1")),
    ),
    Family(
        (_a("find_patient", "name", "finds a patient's record"), _a("read_results", "patient", "reads the laboratory's results"),
         _a("book_visit", "patient day", "books a visit"), _a("call_patient", "patient words", "calls a patient")),
        {"p": _PERSON, "d": _DAY, "w": _of("the results are fine", "a new test is needed", "the clinic has moved")},
        (_ask("open the record of {p} // bring up the file of the patient {p}", "find_patient: {p}"),
         _ask("what did the laboratory find for {p} // show me the results of {p}", "find_patient: {p}", "read_results: $1"),
         _ask("give {p} an appointment on {d} // see that {p} can come on {d}", "find_patient: {p}", "book_visit: $1 | {d}"),
         _ask("phone {p} and say that {w} // let {p} know by phone that {w}", "find_patient: {p}", "call_patient: $1 | {w}"),
         _ask("look at the results of {p} and book a visit on {d} // check the laboratory values of {p}, then make an appointment for {d}",
              "find_patient: {p}", "read_results: $1", "book_visit: $1 | {d}")),
    ),
    Family(
        (_a("locate_vehicle", "plate", "tells where a vehicle is"), _a("assign_driver", "vehicle driver", "gives a vehicle a driver"),
         _a("check_fuel", "vehicle", "tells how much fuel there is"), _a("plan_route", "start end", "plans a way"),
         _a("send_to_garage", "vehicle", "has a vehicle repaired")),
        {"v": Inventor.code, "p": _PERSON, "x": _PLACE, "y": _PLACE},
        (_ask("where is the van {v} // tell me the position of {v}", "locate_vehicle: {v}"),
         _ask("how much fuel does {v} have left // is the tank of {v} full", "check_fuel: {v}"),
         _ask("let {p} drive {v} // put {p} on the vehicle {v}", "assign_driver: {v} | {p}"),
         _ask("which way should we drive from {x} to {y} // work out a way from {x} to {y}", "plan_route: {x} | {y}"),
         _ask("find {v} and plan how it gets to {y} // see where {v} is and which way it takes to {y}", "locate_vehicle: {v}", "plan_route: $1 | {y}"),
         _ask("check the fuel of {v}, then have it repaired // before {v} goes to the garage, look at its tank", "check_fuel: {v}", "send_to_garage: {v}")),
    ),
    Family(
        (_a("search_shop", "article", "looks for an article in the shop"), _a("add_to_cart", "article", "puts an article into the cart"),
         _a("apply_voucher", "code", "takes a voucher"), _a("check_out", "", "pays for the cart"), _a("compare_prices", "article", "compares sellers")),
        {"t": _of("a desk lamp", "running shoes", "a rain jacket", "a kettle", "wool socks"), "c": Inventor.code},
        (_ask("do you have {t} // look whether the shop sells {t}", "search_shop: {t}"),
         _ask("who sells {t} most cheaply // compare what sellers want for {t}", "compare_prices: {t}"),
         _ask("put {t} into my cart // I want {t} in the cart", "search_shop: {t}", "add_to_cart: $1"),
         _ask("buy {t} // order {t} and pay", "search_shop: {t}", "add_to_cart: $1", "check_out"),
         _ask("buy {t} with the voucher {c} // get {t}, use {c}, and pay", "search_shop: {t}", "add_to_cart: $1", "apply_voucher: {c}", "check_out")),
    ),
    Family(
        (_a("read_sensor", "room", "reads a room's temperature"), _a("set_heating", "room degrees", "sets the heating"),
         _a("close_blinds", "room", "closes the blinds"), _a("arm_alarm", "", "arms the alarm"), _a("switch_light", "room state", "switches a light")),
        {"r": _of("the attic", "the nursery", "the cellar", "the hall", "the study"), "g": lambda m: str(m.number(15, 24))},
        (_ask("how warm is it in {r} // what is the temperature in {r}", "read_sensor: {r}"),
         _ask("make {r} {g} degrees warm // heat {r} to {g} degrees", "set_heating: {r} | {g}"),
         _ask("measure {r} and then heat it to {g} degrees // check how warm {r} is before you set it to {g}", "read_sensor: {r}", "set_heating: {r} | {g}"),
         _ask("close the blinds in {r} and turn the light on // I need {r} dark outside and lit inside", "close_blinds: {r}", "switch_light: {r} | on"),
         _ask("turn the light in {r} off and arm the alarm // we are leaving: no light in {r}, and the alarm on", "switch_light: {r} | off", "arm_alarm")),
    ),
    Family(
        (_a("find_candidate", "name", "finds an applicant"), _a("rate_resume", "candidate", "rates a curriculum"),
         _a("invite", "candidate day", "invites to a talk"), _a("reject", "candidate", "turns an applicant down"), _a("draft_contract", "candidate salary", "writes a contract")),
        {"p": _PERSON, "d": _DAY, "m": lambda m: m.grouped(28_000, 99_000)},
        (_ask("how good is the curriculum of {p} // rate what {p} sent us", "find_candidate: {p}", "rate_resume: $1"),
         _ask("ask {p} to come on {d} // have {p} in for a talk on {d}", "find_candidate: {p}", "invite: $1 | {d}"),
         _ask("turn {p} down // tell {p} that someone else got the job", "find_candidate: {p}", "reject: $1"),
         _ask("write a contract with {m} a year for {p} // we hire {p} at {m}", "find_candidate: {p}", "draft_contract: $1 | {m}"),
         _ask("rate the papers of {p} and invite them for {d} // look through what {p} sent, then set up a talk on {d}",
              "find_candidate: {p}", "rate_resume: $1", "invite: $1 | {d}")),
    ),
    Family(
        (_a("query_table", "question", "asks the database"), _a("draw_chart", "data", "draws a chart"), _a("export_sheet", "data", "makes a spreadsheet"),
         _a("mail_file", "file person", "mails a file"), _a("forecast", "data", "says how a series goes on")),
        {"q": _of("sales by region", "returns last month", "new customers a week", "hours of overtime", "stock on hand"), "p": _PERSON},
        (_ask("what are {q} // ask the database for {q}", "query_table: {q}"),
         _ask("draw {q} // make a chart of {q}", "query_table: {q}", "draw_chart: $1"),
         _ask("how will {q} go on // predict {q}", "query_table: {q}", "forecast: $1"),
         _ask("send {p} a spreadsheet with {q} // {p} wants {q} as a spreadsheet by mail", "query_table: {q}", "export_sheet: $1", "mail_file: $2 | {p}"),
         _ask("draw how {q} will go on // chart a forecast of {q}", "query_table: {q}", "forecast: $1", "draw_chart: $2")),
    ),
    Family(
        (_a("reserve_court", "day", "reserves a tennis court"), _a("find_partner", "level", "finds somebody to play with"), _a("borrow_racket", "size", "lends a racket"),
         _a("enter_tournament", "name", "enters a tournament"), _a("show_ranking", "club", "shows a club's ranking")),
        {"d": _DAY, "l": _of("a beginner", "an expert", "an average player"), "x": lambda m: f"the {m.place()} Open", "c": lambda m: f"{m.place()} TC", "z": _NUMBER},
        (_ask("get a court for {d} // I want to play on {d}, keep a court", "reserve_court: {d}"),
         _ask("find me {l} to play with and a court on {d} // I need {l} as a partner, and then a court for {d}", "find_partner: {l}", "reserve_court: {d}"),
         _ask("who leads {c} // show how the players of {c} stand", "show_ranking: {c}"),
         _ask("put my name down for {x} // I'd like to take part in {x}", "enter_tournament: {x}"),
         _ask("lend me a racket of size {z} and reserve a court on {d} // a size {z} racket, and a court on {d} after that", "borrow_racket: {z}", "reserve_court: {d}")),
    ),
    Family(
        (_a("record_audio", "seconds", "records sound"), _a("transcribe", "audio", "writes down what is said"), _a("translate_text", "text language", "translates a text"),
         _a("shorten", "text", "makes a text short"), _a("read_aloud", "text", "speaks a text")),
        {"n": _NUMBER, "l": _of("Danish", "Greek", "Korean", "Swahili"), "f": lambda m: f"{m.place().lower()}.mp3"},
        (_ask("record {n} seconds // tape the next {n} seconds", "record_audio: {n}"),
         _ask("write down what is said in {f} // I need {f} as text", "transcribe: {f}"),
         _ask("record {n} seconds and write down what was said // type out the next {n} seconds of speech", "record_audio: {n}", "transcribe: $1"),
         _ask("put {f} into {l} // what does {f} say in {l}", "transcribe: {f}", "translate_text: $1 | {l}"),
         _ask("give me the gist of {f} in {l}, spoken // shorten {f}, put it into {l} and speak it",
              "transcribe: {f}", "shorten: $1", "translate_text: $2 | {l}", "read_aloud: $3")),
    ),
    Family(
        (_a("list_branches", "project", "lists a project's branches"), _a("run_tests", "branch", "runs the tests"), _a("merge_branch", "branch", "merges a branch"),
         _a("tag_release", "version", "marks a release"), _a("deploy", "version", "brings a version out"), _a("roll_back", "version", "takes a version back")),
        {"b": lambda m: f"fix/{m.place().lower()}", "v": lambda m: f"{m.number(1, 9)}.{m.number(0, 30)}", "p": lambda m: m.place().lower()},
        (_ask("which branches has {p} // show the branches of {p}", "list_branches: {p}"),
         _ask("test {b} // do the tests of {b} pass", "run_tests: {b}"),
         _ask("test {b} and merge it // merge {b} once its tests ran", "run_tests: {b}", "merge_branch: {b}"),
         _ask("release {v} // mark {v} and bring it out", "tag_release: {v}", "deploy: {v}"),
         _ask("merge {b} after testing it, then bring out {v} // test {b}, merge it and ship {v}", "run_tests: {b}", "merge_branch: {b}", "tag_release: {v}", "deploy: {v}"),
         _ask("take {v} back // undo the release of {v}", "roll_back: {v}")),
    ),
)  # fmt: skip
