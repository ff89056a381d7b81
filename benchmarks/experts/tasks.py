"""What experts are asked, what their answers are worth, and the folder where the tasks lie.

`served.json` names the model below the models' folder that brings the experts; they and the router are read where
it has them. Beside it: tasks, lines {"id", "messages", "documents"?, "schema"?, "choices"?, "max_tokens"?,
"expected", "expert"}, in `requests.jsonl`, `grounded.jsonl` and `unseen.jsonl`; `lora`, `svf` and `svf-rl` with
`NAME.basis.safetensors`; `whole/` with five models. `folder.py` lays it out but for the vectors, which
`make train-vectors` adds.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.experts.agreement import agreement
from benchmarks.ours import MODELS
from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.core import (
    CallContext,
    ChatMessage,
    ChatRequest,
    ChatResult,
    ChoiceConstraint,
    Constraint,
    Expert,
    GroundingDocument,
    JsonSchemaConstraint,
    SamplingParams,
    Sentence,
)
from secretariat.models.experts import team as teams
from secretariat.models.experts.form import Form, form_of
from secretariat.models.training.rewards import Expected, Judge

FOLDER = Path(__file__).parents[2] / ".secretariat" / "experts"
SERVED = "served.json"
REQUESTS, GROUNDED, UNSEEN = "requests.jsonl", "grounded.jsonl", "unseen.jsonl"
CALL = CallContext("benchmark", "experts")
_JUDGES: Mapping[Form, Judge] = {
    "documents": Judge({"overlap": 1.0, "cites": 1.0, "abstains": 1.0}),
    "choice": Judge({"exact": 1.0}),
    "free": Judge({"contains": 1.0}),
}
_MOST = 96


@dataclass(frozen=True, slots=True)
class Task:
    request: ChatRequest
    expected: Expected
    expert: str

    @property
    def judged(self) -> bool:
        """Whether anything is known of a right answer: small talk only says who should give it."""
        return bool(self.expected.answers) or self.expected.abstains is not None


@dataclass(frozen=True, slots=True)
class Team:
    """`model`: the folder with the weights, by name. `adapters`: a folder for each expert, None where the base
    answers."""

    model: str
    served: teams.Team
    experts: tuple[Expert, ...]
    adapters: Mapping[str, Path | None]


def missing(*names: str) -> list[str]:
    """Of the folder's files and folders."""
    return [str(FOLDER / name) for name in names if not (FOLDER / name).exists()]


def served() -> Path:
    """The model with the experts; before it was said which, one that isn't there."""
    told = FOLDER / SERVED
    return MODELS / str(read_json(told)["model"] if told.is_file() else "BASE-experts")


def model() -> str:
    """Whose experts they are."""
    return teams.weights_folder(served()).name


def team() -> Team:
    """Raises ModelError as `read_team`."""
    found = teams.read_team(served())
    assert found is not None, "the part of the benchmark needs the file with the experts"
    members = found.members
    return Team(
        model(), found,
        tuple(
            Expert(each.name, each.about, each.name if each.folder else None, each.forms) for each in members
        ),
        {each.name: each.folder for each in members},
    )  # fmt: skip


@cache
def tasks(name: str) -> list[Task]:
    with (FOLDER / name).open(encoding="utf-8") as lines:
        return [task_of(json.loads(line)) for line in lines if line.strip()]


def task_of(record: Mapping[str, Any]) -> Task:
    documents = tuple(_document(one) for one in record.get("documents", ()))
    request = ChatRequest(
        tuple(ChatMessage(**message) for message in record["messages"]),
        sampling=SamplingParams(max_tokens=record.get("max_tokens", _MOST)),
        documents=documents,
        constraint=_constraint(record),
        citation_mode="accurate",
    )
    expected = Expected.of(record["expected"], {document.id: document.text for document in documents})
    return Task(request, expected, str(record["expert"]))


def _document(record: Mapping[str, Any]) -> GroundingDocument:
    sentences = tuple(Sentence(**each) for each in record.get("sentences", ()))
    title, weight = record.get("title", ""), record.get("weight", 0.0)
    return GroundingDocument(str(record["id"]), record["text"], title, weight, sentences)


def _constraint(record: Mapping[str, Any]) -> Constraint | None:
    if "schema" in record:
        return JsonSchemaConstraint(json.dumps(record["schema"]))
    return ChoiceConstraint(tuple(record["choices"])) if "choices" in record else None


def worth(task: Task, result: ChatResult) -> float:
    """0 … 1."""
    return worth_of(task, marked(result))


def worth_of(task: Task, answer: str) -> float:
    """Of words as a model writes them, with its citations among them: 0 … 1.

    A label is right or not; JSON by how much of it is right; an answer from documents by its words and by the one
    source that it cites, or whether it says that there is none; any other by whether the right words are in it.
    """
    if isinstance(task.request.constraint, JsonSchemaConstraint):
        return max((agreement(answer, right) for right in task.expected.answers), default=0.0)
    judged = _JUDGES[form_of(task.request)].worth(answer, task.expected)
    return 0.0 if judged is None else judged.total


def marked(result: ChatResult) -> str:
    """As the model wrote it: with its citations in the text."""
    text = result.text
    for citation in sorted(result.citations, key=lambda one: -one.start):
        ids = ",".join(citation.document_ids)
        spanned = f"<co: {ids}>{text[citation.start : citation.end]}</co: {ids}>"
        text = text[: citation.start] + spanned + text[citation.end :]
    return text


def mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))
