"""What the experts are asked, what their answers are worth, and the folder where both they and the tasks lie.

`experts.json`: {"model", "general", "experts": {name: {"adapter", "about"}}}; beside it `router/`, the adapters'
folders, `NAME.basis.safetensors`, `whole/` with five checkpoints, and tasks: `requests.jsonl` (each with its
"expert"), `grounded.jsonl` and `unseen.jsonl`, lines {"messages", "documents"?, "expected", "expert"?}.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secretariat.models.core import (
    CallContext,
    ChatMessage,
    ChatRequest,
    ChatResult,
    Expert,
    GroundingDocument,
    JsonSchemaConstraint,
    SamplingParams,
)
from secretariat.models.training.rewards import Expected, Judge

FOLDER = Path(__file__).parents[2] / ".secretariat" / "experts"
CALL = CallContext("benchmark", "experts")
_JUDGE = Judge({"overlap": 1.0, "cites": 1.0, "valid_json": 1.0, "abstains": 1.0})
_MOST = 96


@dataclass(frozen=True, slots=True)
class Task:
    request: ChatRequest
    expected: Expected
    expert: str


@dataclass(frozen=True, slots=True)
class Team:
    """`adapters`: a folder for each expert, None where the base answers."""

    model: str
    general: str
    experts: tuple[Expert, ...]
    adapters: Mapping[str, Path | None]


def missing(*names: str) -> list[str]:
    """Of the folder's files and folders."""
    return [str(FOLDER / name) for name in names if not (FOLDER / name).exists()]


def team() -> Team:
    told: Mapping[str, Any] = json.loads((FOLDER / "experts.json").read_text(encoding="utf-8"))
    experts = tuple(
        Expert(name, one["about"], name if one.get("adapter") else None)
        for name, one in told["experts"].items()
    )
    folders = {name: one.get("adapter") for name, one in told["experts"].items()}
    return Team(
        told["model"], told["general"], experts,
        {name: None if folder is None else FOLDER / folder for name, folder in folders.items()},
    )  # fmt: skip


def tasks(name: str) -> list[Task]:
    with (FOLDER / name).open(encoding="utf-8") as lines:
        return [_task(json.loads(line)) for line in lines if line.strip()]


def _task(record: Mapping[str, Any]) -> Task:
    documents = tuple(
        GroundingDocument(str(one["id"]), one["text"], one.get("title", ""))
        for one in record.get("documents", ())
    )
    expected = Expected.of(record["expected"], {document.id: document.text for document in documents})
    constraint = None if expected.schema is None else JsonSchemaConstraint(json.dumps(dict(expected.schema)))
    request = ChatRequest(
        tuple(ChatMessage(**message) for message in record["messages"]),
        sampling=SamplingParams(max_tokens=_MOST),
        documents=documents,
        constraint=constraint,
        citation_mode="accurate",
    )
    return Task(request, expected, str(record.get("expert", "")))


def worth(task: Task, result: ChatResult) -> float:
    """0 … 1."""
    judged = _JUDGE.worth(_marked(result), task.expected)
    return 0.0 if judged is None else judged.total


def _marked(result: ChatResult) -> str:
    """As the model wrote it: with its citations in the text."""
    text = result.text
    for citation in sorted(result.citations, key=lambda one: -one.start):
        ids = ",".join(citation.document_ids)
        spanned = f"<co: {ids}>{text[citation.start : citation.end]}</co: {ids}>"
        text = text[: citation.start] + spanned + text[citation.end :]
    return text


def mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))
