"""`make bench-ask`: from a question to its first cited words and its full answer, for one and for eight users.

Then a conversation of 300 turns: what was told in its first twenty is recalled at its end; and a summary of a text
of a hundred pages, each sentence looked up in it. Everything runs as a customer runs it: the whole stack on
loopback, answers read as server-sent events. The facts of the conversation and the statements that come between
are made of lists here; nothing was tuned on them.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median, quantiles

import yaml
from rich.console import Console

from benchmarks.long_text import summary_of_a_long_text
from benchmarks.report import Figure, Report, proven
from secretariat.platform.demo.api import Api
from secretariat.platform.demo.handbook import ensure_handbook
from secretariat.platform.demo.installation import running_stack

ROOT = Path(__file__).resolve().parents[1]
THINGS = (
    "locker code", "parking space", "desk number", "badge number", "laptop serial", "door code", "phone extension",
    "project number", "cost centre", "customer number", "order number", "room number", "badge colour",
    "bicycle lock", "alarm code", "printer queue", "visitor code", "calendar week", "shelf number", "key number",
)  # fmt: skip
OWNERS = ("Ann Lee", "Ben Moss", "Cleo Park", "Dan Roy", "Eve Stone", "Finn Tate", "Gia Voss", "Hal West")
SMALL_TALK = ("Thanks!", "OK, great.", "Hello again", "Perfect, thank you.")


@dataclass(frozen=True, slots=True)
class Size:
    """`each`: questions of each of the users; `told`: facts told at the beginning of so many turns."""

    questions: int = 100
    users: int = 8
    each: int = 6
    turns: int = 300
    told: int = len(THINGS)
    pages: int = 100


FULL, SMALL = Size(), Size(questions=6, users=4, each=2, turns=30, told=6, pages=10)


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds from the request to the first cited words (None where none came) and to the end; the turn.

    `steps`: seconds until each event, by its type and number.
    """

    first: float | None
    whole: float
    turn: dict[str, object]
    steps: tuple[tuple[str, float], ...]


def main(size: Size = FULL) -> int:
    proven("tests/agents/test_conversation.py", "tests/platform/conversations")
    report = Report("ask")
    with _stack() as (api, collection):
        questions = _questions()[: size.questions]
        _ask(api, collection, questions[:2])
        latency(report, api, collection, questions, size)
        long_conversation(report, api, collection, questions, size)
        summary_of_a_long_text(report, api, size.pages)
    return report.close()


def latency(report: Report, api: Api, collection: str, questions: Sequence[str], size: Size) -> None:
    alone = _ask(api, collection, questions)
    with ThreadPoolExecutor(size.users) as pool:
        shares = [[*questions[user:], *questions[:user]][: size.each] for user in range(size.users)]
        asked = pool.map(lambda share: _ask(api, collection, share), shares)
        together = [timed for user in asked for timed in user]
    first = [timed.first for timed in alone if timed.first is not None]
    report.note("questions, with an answer quoted", f"{len(alone)}, {len(first)}")
    report.add(Figure("warm ask to first cited words, 1 user, p50", median(first), 2.0, "s", least=False))
    report.add(Figure("warm ask to full answer, 1 user, p95", _p95(_whole(alone)), 8.0, "s", least=False))
    report.note("full answer, 1 user, p50 s", round(median(_whole(alone)), 2))
    report.note("first cited words, 1 user, p95 s", round(_p95(first), 2))
    report.note("where the time goes, 1 user, mean s", _shares(alone))
    share = _p95(_whole(together)) / _p95(_whole(alone))
    report.add(Figure(f"full answer, {size.users} users, p95 against 1 user", share, 4.0, least=False))
    report.note(f"full answer, {size.users} users, p50 / p95 s", _both(_whole(together)))


def _shares(asked: Sequence[Timed]) -> dict[str, float]:
    """Mean seconds that a turn waits for events of each type: from the event before to this one."""
    waited: dict[str, float] = {}
    for timed in asked:
        before = 0.0
        for kind, at in timed.steps:
            waited[kind] = waited.get(kind, 0.0) + at - before
            before = at
    return {kind: round(seconds / len(asked), 3) for kind, seconds in sorted(waited.items())}


def long_conversation(
    report: Report, api: Api, collection: str, questions: Sequence[str], size: Size
) -> None:
    facts = _facts()[: size.told]
    conversation = _begin(api, collection)
    for thing, value in facts:
        _turn(api, conversation, f"My {thing} is {value}.")
    at_once = sum(_holds(_asked_alone(api, collection, thing, value), value) for thing, value in facts)
    between = [_turn(api, conversation, said) for said in _between(questions, size.turns - 2 * len(facts))]
    answered = [_turn(api, conversation, f"What is my {thing}?") for thing, _ in facts]
    missed = [
        thing for timed, (thing, value) in zip(answered, facts, strict=True) if not _holds(timed, value)
    ]
    count = api.get(f"/api/v1/conversations/{conversation}")["turn_count"]
    first = [timed.first or timed.whole for timed in answered]
    later = len(facts) - len(missed)
    report.note("turns; facts recalled at once, at the end", f"{count}; {at_once}, {later} of {len(facts)}")
    report.note("not recalled at the end", missed)
    report.note("a turn on the way, mean s", round(mean(_whole(between)), 2))
    share = later / at_once if at_once else 0.0
    report.add(Figure(f"facts of turns 1-20 recalled at turn {count} against at once", share, 0.9))
    report.add(Figure(f"time to first words at turn {count}, p50", median(first), 1.5, "s", least=False))
    report.note(f"time to first words at turn {count}, p95 s", round(_p95(first), 2))


def _facts() -> list[tuple[str, str]]:
    return [
        (thing, f"{OWNERS[n % 8].split()[0][:2].upper()}-{1000 + 37 * n}") for n, thing in enumerate(THINGS)
    ]


def _between(questions: Sequence[str], count: int) -> Iterator[str]:
    """Statements about the same things of other people, questions about the documents, small talk."""
    for number in range(count):
        if number % 10 == 9:
            yield questions[number // 10 % len(questions)]
        elif number % 10 == 4:
            yield SMALL_TALK[number // 10 % len(SMALL_TALK)]
        else:
            thing, owner = THINGS[number * 7 % len(THINGS)], OWNERS[number * 3 % len(OWNERS)]
            yield f"{owner}'s {thing} is {owner.split()[1][:2].upper()}-{2000 + 13 * number}."


def _asked_alone(api: Api, collection: str, thing: str, value: str) -> Timed:
    """Told and asked at once, in a conversation of its own."""
    conversation = _begin(api, collection)
    _turn(api, conversation, f"My {thing} is {value}.")
    return _turn(api, conversation, f"What is my {thing}?")


def _holds(timed: Timed, value: str) -> int:
    return int(value in str(timed.turn["answer"]))


def _ask(api: Api, collection: str, questions: Sequence[str]) -> list[Timed]:
    """Each in a conversation of its own."""
    return [_turn(api, _begin(api, collection), question) for question in questions]


def _begin(api: Api, collection: str) -> str:
    return str(api.post("/api/v1/conversations", {"collection_ids": [collection]})["id"])


def _turn(api: Api, conversation: str, text: str) -> Timed:
    started, steps = time.monotonic(), list[tuple[str, float]]()
    turn = api.post(f"/api/v1/conversations/{conversation}/turns", {"text": text})
    steps.append(("accepted", time.monotonic() - started))
    url = f"/api/v1/conversations/{conversation}/turns/{turn['id']}"
    steps += [(event["type"], time.monotonic() - started) for event in api.follow(f"{url}/events")]
    whole = time.monotonic() - started
    return Timed(_first_words(steps), whole, api.get(url), tuple(steps))


def _first_words(steps: Sequence[tuple[str, float]]) -> float | None:
    """When the first words came that quote something."""
    cited = False
    for kind, at in steps:
        if cited and kind == "step.output.delta":
            return at
        cited = cited or kind in ("citation.added", "turn.cited")
    return None


def _questions() -> list[str]:
    tasks = yaml.safe_load((ROOT / "examples" / "tasks.yaml").read_text(encoding="utf-8"))["tasks"]
    return [task["request"] for task in tasks]


def _whole(timed: Sequence[Timed]) -> list[float]:
    return [each.whole for each in timed]


def _p95(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]


def _both(seconds: Sequence[float]) -> str:
    return f"{median(seconds):.2f} / {_p95(seconds):.2f}"


@contextmanager
def _stack() -> Iterator[tuple[Api, str]]:
    """A new installation with the example handbook."""
    with tempfile.TemporaryDirectory(prefix="secretariat-ask-") as directory:
        home = Path(directory)
        home.chmod(0o755)
        (home / "models").symlink_to(ROOT / ".secretariat" / "models")
        os.environ["SECRETARIAT_HOME"] = directory
        out = Console(stderr=True)
        with running_stack(out) as api:
            collection, _ = ensure_handbook(api, ROOT / "examples" / "handbook", out)
            yield api, collection


if __name__ == "__main__":
    sys.exit(main())
