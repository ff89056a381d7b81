"""What experts are asked when they are measured: nothing of it fitted a router or trained an expert.

Test parts of public sets where there are any, the plans over tools whose families aren't trained on, and else
generators with a seed of their own.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import chain, islice
from typing import Any

from benchmarks.experts.knowledge import KNOWN
from benchmarks.quality import offering
from benchmarks.quality.grounded import Item, items
from benchmarks.quality.plans import read
from benchmarks.quality.sets import DATA, xquad
from benchmarks.quality.weighing import weighed
from secretariat.models.core import ChatMessage, ChoiceConstraint, Constraint, JsonSchemaConstraint
from secretariat.models.training.data import calculation, clinc, extraction, sources, tool_calls
from secretariat.models.training.data.conversations import Conversation
from secretariat.models.training.data.forms import Asked, written
from secretariat.models.training.rewards import Expected

SEED = 20_011
CLINC = DATA / "clinc150" / "data_full.json"
SETS = (DATA / "xquad" / "xquad.en.json", CLINC)
_LONG, _SHORT = 320, 64  # tokens of an answer at most: JSON, and words
_XQUAD_SEED = 11

Record = dict[str, Any]


def mixed(experts: Sequence[str], general: str, count: int) -> list[Record]:
    """About as many for each expert, in turn. Small talk goes to the general one; half of what it gets are
    questions whose answers are known. Raises KeyError for an expert that nothing is known to ask."""
    kinds = {name: _chat if name == general else _KINDS[name] for name in experts}
    each = -(-count // len(kinds))
    asked = [_of(name, islice(kind(each), each)) for name, kind in kinds.items()]
    return list(islice(chain.from_iterable(zip(*asked, strict=True)), count))


def grounded(count: int) -> list[Record]:
    """Questions about sources: two of three from XQuAD, none of them among the mixed requests."""
    public = -(-2 * count // 3)
    made = sources.grounded_examples(SEED + 1, count - public)
    return list(_of("grounded", chain(_xquad(public, half=1), map(_conversed, made))))


def _of(expert: str, records: Iterator[Record]) -> Iterator[Record]:
    return ({**record, "expert": expert} for record in records)


def _grounded(count: int) -> Iterator[Record]:
    half = count // 2
    yield from _xquad(count - half, half=0)
    yield from map(_conversed, sources.grounded_examples(SEED, half))


def _xquad(count: int, *, half: int) -> Iterator[Record]:
    """Of every second question, so that two files have none in common."""
    made = items(*xquad(), _XQUAD_SEED)[half::2]
    for item in made[:: max(1, len(made) // count)][:count]:
        yield record(weighed(item).asked, _expected(item), item.question.id)


def _expected(item: Item) -> Record:
    if item.gold is None:
        return {"abstains": True}
    return {"answers": list(item.question.answers), "source": item.gold}


def _tools(count: int) -> Iterator[Record]:
    return map(_conversed, tool_calls.examples(SEED, count))


def _plans(count: int) -> Iterator[Record]:
    """Their tools in their order; what is put into them isn't known."""
    actions, requests = read()
    for request in requests[:: max(1, len(requests) // count)][:count]:
        right = written({"steps": [{"tool": tool} for tool in request.tools]})
        yield record(offering.plan(request.text, actions), {"answers": [right]}, request.id)


def _forms(count: int) -> Iterator[Record]:
    half = count // 2
    made = (extraction.examples(SEED, count - half), calculation.examples(SEED, half))
    return map(_conversed, chain(*made))


def _intent(count: int) -> Iterator[Record]:
    rows = [(text, label.replace("_", " ")) for text, label in _clinc("test")]
    rows += [(text, clinc.OUTSIDE) for text, _ in _clinc("oos_test")[::10]]
    return map(_conversed, clinc.examples(rows, SEED, count))


def _chat(count: int) -> Iterator[Record]:
    said = _clinc("test")
    known = KNOWN[: count // 2]
    for number, (question, *answers) in enumerate(known):
        yield record(_free(question), {"answers": answers}, f"known-{number}")
    rest = count - len(known)
    for number, (text, _) in enumerate(said[:: max(1, len(said) // rest)][:rest]):
        yield record(_free(text), {}, f"clinc150-test-{number}")


def _free(text: str) -> Asked:
    return Asked((ChatMessage("user", text),))


def _clinc(part: str) -> list[tuple[str, str]]:
    """Without what the set has in a part for training, too."""
    held: Mapping[str, list[tuple[str, str]]] = json.loads(CLINC.read_text(encoding="utf-8"))
    taught = {text for name, rows in held.items() if not name.endswith("test") for text, _ in rows}
    return [(text, label) for text, label in held[part] if text not in taught]


_KINDS: Mapping[str, Callable[[int], Iterator[Record]]] = {
    "grounded": _grounded, "tools": _tools, "plans": _plans, "forms": _forms, "intent": _intent,
}  # fmt: skip


def _conversed(made: Conversation) -> Record:
    """By what its answer shows of itself."""
    asked = Asked(made.messages[:-1], made.documents, made.constraint)
    right = Expected.of_answer(made.learnt, {each.id: each.text for each in made.documents})
    if right.abstains:
        return record(asked, {"abstains": True}, made.id)
    expected: Record = {"answers": list(right.answers)}
    return record(asked, expected | ({"source": right.source} if right.source else {}), made.id)


def record(asked: Asked, expected: Mapping[str, Any], name: str) -> Record:
    """A line of a file of tasks, but for its expert."""
    documents = [asdict(each) for each in asked.documents]
    return {
        "id": name,
        "messages": [{"role": each.role, "content": each.content} for each in asked.messages],
        **({"documents": documents} if documents else {}),
        **_held(asked.constraint),
        "max_tokens": _LONG if isinstance(asked.constraint, JsonSchemaConstraint) else _SHORT,
        "expected": dict(expected),
    }


def _held(constraint: Constraint | None) -> Record:
    match constraint:
        case JsonSchemaConstraint(schema):
            return {"schema": json.loads(schema)}
        case ChoiceConstraint(choices):
            return {"choices": list(choices)}
    return {}
