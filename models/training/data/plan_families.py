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
    Family(
        (_a("find_room", "guest", "tells which room a guest has"), _a("order_cleaning", "room", "has a room cleaned"), _a("charge_room", "room amount", "puts a sum on a room's bill"),
         _a("wake_guest", "room time", "wakes a guest by telephone"), _a("check_guest_out", "room", "ends a guest's stay")),
        {"p": _PERSON, "m": lambda m: m.grouped(10, 400), "t": Inventor.clock},
        (_ask("which room is {p} in // tell me where {p} sleeps", "find_room: {p}"),
         _ask("have the room of {p} cleaned // send the cleaners to {p}", "find_room: {p}", "order_cleaning: $1"),
         _ask("put {m} on the bill of {p} // {p} had drinks for {m}, add that to the room", "find_room: {p}", "charge_room: $1 | {m}"),
         _ask("ring {p} at {t} // {p} wants to be woken at {t}", "find_room: {p}", "wake_guest: $1 | {t}"),
         _ask("charge {p} {m} and check them out // {p} leaves: bill another {m} and end the stay", "find_room: {p}", "charge_room: $1 | {m}", "check_guest_out: $1")),
    ),
    Family(
        (_a("find_policy", "holder", "finds somebody's insurance policy"), _a("file_claim", "policy damage", "reports a damage"), _a("assess_damage", "claim", "estimates what a damage costs"),
         _a("pay_claim", "claim", "pays for a damage"), _a("end_policy", "policy", "ends a policy")),
        {"p": _PERSON, "d": _of("a broken window", "a burst pipe", "a stolen bicycle", "a dented door")},
        (_ask("look up the insurance of {p} // is {p} insured with us", "find_policy: {p}"),
         _ask("report {d} for {p} // {p} has {d}, put that on record", "find_policy: {p}", "file_claim: $1 | {d}"),
         _ask("report {d} for {p} and say what it will cost // how much will {d} at the house of {p} cost us once it is reported", "find_policy: {p}", "file_claim: $1 | {d}", "assess_damage: $2"),
         _ask("report {d} for {p} and pay for it // settle {d} of {p} at once after putting it on record", "find_policy: {p}", "file_claim: $1 | {d}", "pay_claim: $2"),
         _ask("end the insurance of {p} // {p} no longer wants to be insured", "find_policy: {p}", "end_policy: $1")),
    ),
    Family(
        (_a("weigh_parcel", "parcel", "weighs a parcel"), _a("print_label", "parcel address", "prints a label"), _a("call_courier", "day", "has a courier come"),
         _a("track_shipment", "number", "tells where a shipment is"), _a("report_loss", "number", "reports a lost shipment")),
        {"c": Inventor.code, "a": Inventor.street, "d": _DAY},
        (_ask("where is the shipment {c} // how far has {c} come", "track_shipment: {c}"),
         _ask("how heavy is parcel {c} // put {c} on the scales", "weigh_parcel: {c}"),
         _ask("weigh {c} and make a label for {a} // a label to {a} for {c}, but weigh it first", "weigh_parcel: {c}", "print_label: {c} | {a}"),
         _ask("make a label to {a} for {c} and have it fetched on {d} // label {c} for {a}; a courier should come on {d}", "print_label: {c} | {a}", "call_courier: {d}"),
         _ask("look where {c} is and report that it is lost // {c} never came: trace it, then say it is missing", "track_shipment: {c}", "report_loss: {c}")),
    ),
    Family(
        (_a("list_alerts", "host", "lists a computer's alarms"), _a("scan_host", "host", "looks for malware"), _a("isolate_host", "host", "cuts a computer off"),
         _a("reset_password", "user", "gives a new password"), _a("block_address", "address", "blocks an address")),
        {"h": lambda m: f"{m.place().lower()}-{m.number(1, 40):02}", "p": _PERSON, "x": lambda m: f"10.{m.number(0, 250)}.{m.number(0, 250)}.7"},
        (_ask("which alarms did {h} raise // show me what {h} complains of", "list_alerts: {h}"),
         _ask("search {h} for malware // does {h} have a virus", "scan_host: {h}"),
         _ask("scan {h} and take it off the network // cut {h} off once it was searched for malware", "scan_host: {h}", "isolate_host: {h}"),
         _ask("block {x} and give {p} a new password // {p} needs a fresh password, but first shut out {x}", "block_address: {x}", "reset_password: {p}"),
         _ask("show the alarms of {h}, scan it and isolate it // first the alarms of {h}, next a scan, and then off the network with it", "list_alerts: {h}", "scan_host: {h}", "isolate_host: {h}")),
    ),
    Family(
        (_a("search_listings", "town", "looks for houses on sale"), _a("arrange_viewing", "house day", "arranges to see a house"), _a("estimate_price", "house", "says what a house is worth"),
         _a("make_offer", "house amount", "offers money for a house"), _a("call_agent", "house", "calls the agent of a house")),
        {"t": _PLACE, "d": _DAY, "m": lambda m: m.grouped(90_000, 900_000)},
        (_ask("what is on sale in {t} // which houses could we buy in {t}", "search_listings: {t}"),
         _ask("find a house in {t} and arrange to see it on {d} // I want to look at a house in {t} on {d}", "search_listings: {t}", "arrange_viewing: $1 | {d}"),
         _ask("find a house in {t} and tell me its worth // what would be a fair price for a house in {t}", "search_listings: {t}", "estimate_price: $1"),
         _ask("offer {m} for a house in {t} // bid {m} on something in {t}", "search_listings: {t}", "make_offer: $1 | {m}"),
         _ask("find a house in {t}, estimate it and ring the agent // a house in {t}: first what it is worth, then the agent on the phone", "search_listings: {t}", "estimate_price: $1", "call_agent: $1")),
    ),
    Family(
        (_a("count_stock", "part", "counts what is in store"), _a("reorder_part", "part quantity", "orders parts"), _a("move_pallet", "pallet bay", "moves a pallet"),
         _a("start_machine", "machine", "starts a machine"), _a("log_fault", "machine", "puts a fault on record")),
        {"x": _of("bearings", "copper pipes", "hinges", "fan belts", "gaskets"), "n": _NUMBER, "c": Inventor.code, "b": lambda m: f"bay {m.number(1, 60)}"},
        (_ask("how many {x} are left // do we still have {x}", "count_stock: {x}"),
         _ask("order {n} {x} // get us {n} more {x}", "reorder_part: {x} | {n}"),
         _ask("count the {x} and order {n} more // see how many {x} there are, then get {n} new ones", "count_stock: {x}", "reorder_part: {x} | {n}"),
         _ask("bring {c} to {b} // pallet {c} belongs into {b}", "move_pallet: {c} | {b}"),
         _ask("machine {c} broke: note that and order {n} {x} // write down the fault of {c}, and we need {n} {x}", "log_fault: {c}", "reorder_part: {x} | {n}")),
    ),
    Family(
        (_a("write_survey", "topic", "writes questions"), _a("send_survey", "survey group", "sends questions to people"), _a("tally_answers", "survey", "counts the answers"),
         _a("chart_answers", "tally", "draws the answers"), _a("close_survey", "survey", "takes no more answers")),
        {"t": _of("the canteen", "working from home", "the new logo", "parking"), "g": _of("all staff", "the managers", "new customers", "the night shift"), "c": Inventor.code},
        (_ask("write questions on {t} // I need a questionnaire about {t}", "write_survey: {t}"),
         _ask("ask {g} about {t} // find out from {g} what they think of {t}", "write_survey: {t}", "send_survey: $1 | {g}"),
         _ask("how did people answer {c} // count what came in for survey {c}", "tally_answers: {c}"),
         _ask("count the answers to {c} and draw them // a picture of how {c} was answered", "tally_answers: {c}", "chart_answers: $1"),
         _ask("end survey {c} and count it // no more answers to {c}, then the result", "close_survey: {c}", "tally_answers: {c}")),
    ),
    Family(
        (_a("check_battery", "drone", "tells how full a drone's battery is"), _a("fly_to", "drone place", "flies a drone somewhere"), _a("film_ground", "drone", "films what is below"),
         _a("land_drone", "drone", "lands a drone"), _a("measure_wind", "place", "measures the wind")),
        {"c": Inventor.code, "x": _PLACE},
        (_ask("how long can {c} still fly // is {c} charged", "check_battery: {c}"),
         _ask("how windy is it at {x} // what does the wind do over {x}", "measure_wind: {x}"),
         _ask("fly {c} to {x} and film there // I want pictures of {x} from {c}", "fly_to: {c} | {x}", "film_ground: {c}"),
         _ask("see whether {c} is charged and send it to {x} // if the battery of {c} was looked at, off to {x} with it", "check_battery: {c}", "fly_to: {c} | {x}"),
         _ask("measure the wind at {x}, fly {c} there and land // {c} should go down at {x} after you measured the wind", "measure_wind: {x}", "fly_to: {c} | {x}", "land_drone: {c}")),
    ),
    Family(
        (_a("search_rulings", "topic", "looks for what courts decided"), _a("draft_letter", "person subject", "writes a letter"), _a("sign_document", "document", "signs a document"),
         _a("file_with_court", "document", "hands a document to the court"), _a("set_deadline", "day", "notes a deadline")),
        {"p": _PERSON, "t": _of("unpaid rent", "a broken fence", "late delivery", "noise at night"), "d": _DAY},
        (_ask("what did courts say on {t} // look for rulings about {t}", "search_rulings: {t}"),
         _ask("write to {p} about {t} // {p} should get a letter on {t}", "draft_letter: {p} | {t}"),
         _ask("write {p} a letter on {t} and sign it // a signed letter to {p} because of {t}", "draft_letter: {p} | {t}", "sign_document: $1"),
         _ask("look what courts decided on {t} and note {d} as the deadline // rulings on {t}, please, and {d} is the last day", "search_rulings: {t}", "set_deadline: {d}"),
         _ask("write to {p} on {t}, sign it and hand it in at court // a letter to {p} about {t} must be signed and go to the court", "draft_letter: {p} | {t}", "sign_document: $1", "file_with_court: $1")),
    ),
    Family(
        (_a("find_timesheet", "worker", "finds somebody's hours"), _a("approve_hours", "timesheet", "approves hours"), _a("compute_wages", "timesheet", "works out wages"),
         _a("send_payslip", "wages worker", "sends a payslip"), _a("grant_leave", "worker day", "grants a day off")),
        {"p": _PERSON, "d": _DAY},
        (_ask("how many hours did {p} work // show the hours of {p}", "find_timesheet: {p}"),
         _ask("approve the hours of {p} // the hours that {p} wrote down are fine", "find_timesheet: {p}", "approve_hours: $1"),
         _ask("what does {p} earn this month // work out the pay of {p}", "find_timesheet: {p}", "compute_wages: $1"),
         _ask("send {p} this month's payslip // {p} is still waiting for a payslip", "find_timesheet: {p}", "compute_wages: $1", "send_payslip: $2 | {p}"),
         _ask("let {p} stay at home on {d} // {p} gets {d} off", "grant_leave: {p} | {d}")),
    ),
    Family(
        (_a("cut_clip", "video seconds", "cuts a piece out of a video"), _a("add_subtitles", "clip language", "puts words below a video"), _a("upload_clip", "clip", "brings a video online"),
         _a("count_views", "clip", "tells how often a video was seen"), _a("delete_clip", "clip", "takes a video down")),
        {"f": lambda m: f"{m.place().lower()}.mp4", "n": _NUMBER, "l": _of("Danish", "Greek", "Korean", "Swahili")},
        (_ask("cut {n} seconds out of {f} // I need {n} seconds of {f}", "cut_clip: {f} | {n}"),
         _ask("how many people saw {f} // was {f} watched a lot", "count_views: {f}"),
         _ask("put {l} subtitles on {f} and bring it online // {f} should go up with words in {l}", "add_subtitles: {f} | {l}", "upload_clip: $1"),
         _ask("cut {n} seconds from {f}, subtitle them in {l} and publish that // {n} seconds of {f} with {l} words below, online", "cut_clip: {f} | {n}", "add_subtitles: $1 | {l}", "upload_clip: $2"),
         _ask("see how often {f} was watched, then take it down // remove {f}, but tell me first how many saw it", "count_views: {f}", "delete_clip: {f}")),
    ),
    Family(
        (_a("take_sample", "tank", "takes a sample"), _a("run_assay", "sample", "analyses a sample"), _a("store_sample", "sample", "keeps a sample cold"),
         _a("calibrate_meter", "meter", "sets a meter right"), _a("write_protocol", "results", "writes results down")),
        {"c": Inventor.code, "k": lambda m: f"tank {m.number(1, 30)}"},
        (_ask("draw a sample from {k} // I need some of what is in {k}", "take_sample: {k}"),
         _ask("what is in {k} // analyse the contents of {k}", "take_sample: {k}", "run_assay: $1"),
         _ask("take a sample of {k} and keep it cold // some of {k} should go into the freezer", "take_sample: {k}", "store_sample: $1"),
         _ask("set the meter {c} right, then analyse {k} // analyse {k}, with the meter {c} calibrated before", "calibrate_meter: {c}", "take_sample: {k}", "run_assay: $2"),
         _ask("analyse {k} and write the results down // I want a protocol of what is in {k}", "take_sample: {k}", "run_assay: $1", "write_protocol: $2")),
    ),
    Family(
        (_a("find_member", "name", "finds a member of the club"), _a("renew_membership", "member", "prolongs a membership"), _a("hand_out_key", "member", "gives a member a key"),
         _a("collect_fee", "member", "collects a member's fee"), _a("announce", "words", "tells all members something")),
        {"p": _PERSON, "w": _of("the hall is closed", "there is a party", "the fee goes up", "the boats are back")},
        (_ask("is {p} in the club // look whether {p} is a member", "find_member: {p}"),
         _ask("{p} stays another year // prolong the membership of {p}", "find_member: {p}", "renew_membership: $1"),
         _ask("give {p} a key // {p} needs to get into the club house", "find_member: {p}", "hand_out_key: $1"),
         _ask("get the fee from {p} and prolong the membership // {p} pays and stays for a year", "find_member: {p}", "collect_fee: $1", "renew_membership: $1"),
         _ask("tell everybody that {w} // all members should hear that {w}", "announce: {w}")),
    ),
    Family(
        (_a("measure_soil", "field", "measures how wet the ground is"), _a("sow", "field crop", "sows a field"), _a("spread_manure", "field", "feeds the ground"),
         _a("book_harvester", "day", "reserves the harvester"), _a("sell_harvest", "crop", "sells what was harvested")),
        {"f": lambda m: f"field {m.number(1, 40)}", "c": _of("barley", "rape", "oats", "sugar beet"), "d": _DAY},
        (_ask("how wet is {f} // is {f} dry", "measure_soil: {f}"),
         _ask("put {c} into {f} // {f} is to grow {c}", "sow: {f} | {c}"),
         _ask("measure {f}, then sow {c} // sow {c} on {f} after looking how wet it is", "measure_soil: {f}", "sow: {f} | {c}"),
         _ask("get the harvester for {d} and sell the {c} // bring in the {c} on {d} with the harvester and sell it", "book_harvester: {d}", "sell_harvest: {c}"),
         _ask("feed {f}, then sow {c} there // manure first, {c} second, both on {f}", "spread_manure: {f}", "sow: {f} | {c}")),
    ),
    Family(
        (_a("open_case", "customer problem", "opens a support case"), _a("search_answers", "problem", "looks for known answers"), _a("escalate", "case", "hands a case to experts"),
         _a("close_case", "case", "closes a case"), _a("offer_rebate", "customer", "gives a customer a rebate")),
        {"p": _PERSON, "x": _of("a slow connection", "a double charge", "a blank screen", "a lost code"), "c": Inventor.code},
        (_ask("what do we know about {x} // look for an answer to {x}", "search_answers: {x}"),
         _ask("{p} has {x}, open a case // put on record that {p} has {x}", "open_case: {p} | {x}"),
         _ask("open a case on {x} for {p} and hand it to the experts // the experts should look at {x} of {p}", "open_case: {p} | {x}", "escalate: $1"),
         _ask("close case {c} and give {p} a rebate // {c} is done, and {p} gets a rebate", "close_case: {c}", "offer_rebate: {p}"),
         _ask("look for answers to {x}, and if need be open a case for {p} // {p} has {x}: check what is known and open a case", "search_answers: {x}", "open_case: {p} | {x}")),
    ),
)  # fmt: skip
