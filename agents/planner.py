"""The model's plan: which tools, how many of them and with what arguments, under a grammar made for the request.

The grammar's part is structure: known tools, queries in the words of the request, an answer last. Which parts of
the request to look up, in which order, where to read on and what to calculate are the model's choices.
"""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

from secretariat.agents.context import Prompt, Run, few_shot
from secretariat.agents.core import PlanProposed, PlanStep, TaskEvent
from secretariat.agents.errors import JournalMismatchError, PlanInvalidError
from secretariat.agents.intent import Intent, classified
from secretariat.agents.plan import Plan
from secretariat.agents.tools.registry import ARGUMENTS
from secretariat.models.core import JsonSchemaConstraint

CALL = "plan.1"
MOST_SEARCHES = 3
_SHORTEST_PART = 6
_LONGEST_PART = 300
_MOST_PARTS = 12

_BREAK = re.compile(
    r"[.?!;:]\s+|,\s+(?:and|but|or)\s+|,\s+|\s+(?:and|but)\s+(?=(?:who|what|when|where|which|why|how)\b)"
)
_ASKS = re.compile(r"\?$|\b(who|whom|whose|what|when|where|which|why|how)\b", re.IGNORECASE)
_EDGES = " ,;:"

_SEARCH_SYSTEM = "Plan the searches for the request: one for each thing that is asked. Reply with JSON."
_SEARCH_SHOTS = (
    ("Is there a bicycle stand at the tower?", ("Is there a bicycle stand at the tower?",)),
    (
        "I lost my umbrella on the tram: where is the lost property office, and what does it charge?",
        ("where is the lost property office", "what does it charge?"),
    ),
    (
        "Which room is the piano in, and who may play in that room?",
        ("Which room is the piano in", "who may play in that room?"),
    ),
)
_SUM_SYSTEM = "Write the arithmetic of the request. Reply with JSON."
_SUM_SHOTS = (
    ("What is 12 times 7, plus 5?", "12 * 7 + 5"),
    ("How much is 20% of 350?", "20% * 350"),
    ("A ticket costs 4.50. How much do 6 people pay?", "4.50 * 6"),
)


def parts(request: str) -> list[str]:
    """The request's clauses in its own words, in order: what a query can be made of.

    Where some of them ask, those that only tell aren't offered.
    """
    clauses = [clause.strip(_EDGES) for clause in _BREAK.sub("\0", request).split("\0")]
    marked = [_with_mark(clause, request) for clause in clauses if len(clause) >= _SHORTEST_PART]
    asking = [clause for clause in marked if _ASKS.search(clause)] or marked
    shortened = [clause[:_LONGEST_PART] for clause in asking]
    return list(dict.fromkeys(shortened))[:_MOST_PARTS] or [request[:_LONGEST_PART]]


def _with_mark(clause: str, request: str) -> str:
    """A clause that ended in a question mark keeps it: the mark was cut with the break."""
    return clause + "?" if f"{clause}?" in request else clause


def prompt(request: str, intent: Intent, instructions: str = "") -> Prompt:
    if intent == "calculation":
        shots = tuple((asked, json.dumps({"expression": sum_})) for asked, sum_ in _SUM_SHOTS)
        messages = few_shot(_SUM_SYSTEM, shots, request, instructions)
        return Prompt("plan", messages, _grammar(_SUM_SCHEMA), max_tokens=60)
    shots = tuple((asked, _example(queries)) for asked, queries in _SEARCH_SHOTS)
    messages = few_shot(_SEARCH_SYSTEM, shots, request, instructions)
    return Prompt("plan", messages, _grammar(_search_schema(parts(request))), max_tokens=260)


async def propose(run: Run) -> AsyncIterator[TaskEvent]:
    """Ends in PlanProposed; read it with `proposed`. Raises PlanInvalidError."""
    if run.journal.plan is not None:
        return
    intent = classified(run)
    async for event in run.ask(prompt(run.task.request, intent, run.task.instructions), CALL):
        yield event
    plan = Plan.validated(_steps(run.said(CALL).text, run.task.request, intent), ARGUMENTS)
    yield PlanProposed(steps=plan.steps, plan_sha256=plan.sha256)


def proposed(run: Run) -> Plan:
    """The plan on record, validated again. Raises JournalMismatchError if it isn't what was hashed."""
    recorded = run.journal.plan
    assert recorded is not None
    plan = Plan.validated(recorded.steps, ARGUMENTS)
    if plan.sha256 != recorded.plan_sha256:
        raise JournalMismatchError("The plan on record doesn't have the hash it was recorded with.")
    return plan


def _steps(answer: str, request: str, intent: Intent) -> list[PlanStep]:
    try:
        value = json.loads(answer)
    except json.JSONDecodeError as error:
        raise PlanInvalidError("The model's plan was cut off before its end.") from error
    if intent == "calculation":
        steps = [PlanStep(id="s1", tool="calculate", arguments=value, purpose="calculate")]
    else:
        steps = _lookups(value["steps"])
    if intent == "report":
        title = _title(request)
        before = tuple(step.id for step in steps)
        steps.append(_step(len(steps), "write_report", {"title": title}, before, "write the report"))
    before = tuple(step.id for step in steps)
    return [*steps, _step(len(steps), "answer", {}, before, "answer the request")]


def _lookups(chosen: list[dict[str, str]]) -> list[PlanStep]:
    """Each after those before it, so that what one finds can serve the next. The same step twice is one."""
    steps: list[PlanStep] = []
    searched = ""
    for choice in {json.dumps(choice): choice for choice in chosen}.values():
        before = tuple(step.id for step in steps)
        if choice["tool"] == "search":
            step = _step(len(steps), "search", {"query": choice["query"]}, before, choice["query"])
            searched = step.id
        elif searched:
            arguments = {"source": searched, "question": choice["question"]}
            step = _step(len(steps), "read", arguments, before, choice["question"])
        else:
            raise PlanInvalidError("The plan reads before it has searched.")
        steps.append(step)
    return steps


def _step(index: int, tool: Any, arguments: dict[str, Any], after: tuple[str, ...], purpose: str) -> PlanStep:
    return PlanStep(id=f"s{index + 1}", tool=tool, arguments=arguments, after=after, purpose=purpose)


def _title(request: str) -> str:
    return request.strip().rstrip(".?!")[:110]


def _example(queries: tuple[str, ...]) -> str:
    return json.dumps({"steps": [{"tool": "search", "query": query} for query in queries]})


def _grammar(schema: dict[str, Any]) -> JsonSchemaConstraint:
    return JsonSchemaConstraint(json.dumps(schema))


def _object(**properties: Any) -> dict[str, Any]:
    required = list(properties)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _search_schema(clauses: list[str]) -> dict[str, Any]:
    """A request of several questions takes two searches at least, in the order in which it asks."""

    def search(offered: list[str]) -> dict[str, Any]:
        return _object(tool={"const": "search"}, query={"enum": offered})

    read = _object(tool={"const": "read"}, question={"enum": clauses})
    first = [search(clauses[:-1]), search(clauses[1:])] if len(clauses) > 1 else [search(clauses)]
    rest = {"type": "array", "prefixItems": first, "items": {"anyOf": [search(clauses), read]}}
    return _object(steps={**rest, "minItems": len(first), "maxItems": MOST_SEARCHES})


_SUM_SCHEMA = _object(expression={"type": "string", "pattern": r"^[0-9(][0-9+\-*/(). %]{2,60}$"})
