"""`secretariat eval strategies`: ways to answer side by side, over the API of this installation."""

import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from secretariat.platform.demo.api import Api, ApiRefusedError
from secretariat.platform.demo.handbook import ensure_handbook
from secretariat.platform.demo.installation import running_stack
from secretariat.platform.embedded.errors import StackError
from secretariat.platform.evaluation.circumstances import circumstances

OK, FAILED = 0, 2
_KEY = "SECRETARIAT_KEY"
_DOCUMENTS = "documents"
_ENDED = ("completed", "failed", "cancelled")
_NAMES = {
    "closed_book": "from memory",
    "rag": "search",
    "adapter": "adapter",
    "both": "adapter and search",
    "long_context": "whole documents",
}


def measure(
    directory: Path, *, assistant: str | None, url: str | None, output: Path | None, as_json: bool
) -> int:
    """0, or 2 when the data can't be used, the stack doesn't start or the evaluation doesn't complete.

    Without `url` everything is started for it, and stopped in the end.
    """
    out = Console(highlight=False, stderr=as_json)
    try:
        files = {name: (directory / name).read_bytes() for name in ("queries.jsonl", "qrels.tsv")}
        with closing(Api(url, os.environ.get(_KEY, ""))) if url else running_stack(out) as api:
            within = _documents(api, directory, out)
            done = _evaluated(api, directory.name, files, _assistant(api, assistant), within, out)
    except (OSError, StackError, ApiRefusedError, httpx.TransportError) as error:
        out.print(f"[red]{escape(str(directory))} could not be measured:[/red] {escape(str(error))}")
        return FAILED
    if done["strategies"] is None:
        told = done["error"] or {"message": f"the evaluation is {done['status']}"}
        out.print(f"[red]{escape(str(directory))} could not be measured:[/red] {escape(told['message'])}")
        return FAILED
    figures = json.dumps({**done["strategies"], **circumstances()}, indent=2) + "\n"
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(figures, encoding="utf-8")
    if as_json:
        print(figures, end="")
    else:
        _tell(out, done["strategies"])
    return OK


def _documents(api: Api, directory: Path, out: Console) -> list[str]:
    """The collection that the data bring documents for; none where the tenant's own are asked."""
    documents = directory / _DOCUMENTS
    if not documents.is_dir():
        return []
    collection, _ = ensure_handbook(api, documents, out, name=directory.name)
    return [collection]


def _assistant(api: Api, name: str | None) -> str | None:
    """Raises ApiRefusedError where none has that name."""
    if name is None:
        return None
    found = next((one for one in api.every("/api/v1/assistants") if one["name"] == name), None)
    if found is None:
        raise ApiRefusedError(f"there is no assistant {name!r}")
    return str(found["id"])


def _evaluated(
    api: Api, name: str, files: dict[str, bytes], assistant: str | None, within: list[str], out: Console
) -> dict[str, Any]:
    parts = {
        field: (file, files[file]) for field, file in (("queries", "queries.jsonl"), ("qrels", "qrels.tsv"))
    }
    made = api.send("/api/v1/question-sets", {"name": name}, parts)
    body = {"question_set_id": made["id"], "kind": "strategies", "collection_ids": within}
    started = api.post("/api/v1/evaluations", {**body, "assistant_id": assistant})
    path = f"/api/v1/evaluations/{started['id']}"
    with Progress(console=out, disable=not out.is_terminal) as progress:
        bar = progress.add_task("Questions", total=made["questions"])
        for now in api.changing(path, _ENDED):
            progress.update(bar, completed=now["progress"]["done"])
    return now


def _tell(out: Console, result: dict[str, Any]) -> None:
    adapter = result["adapter"]["name"] if result["adapter"] else "no adapter"
    table = Table(
        "Way to answer", "Right", "F1", "Cites right", "Abstains when it must, mustn't", "Tokens, s a right one",
        "Forgets", title=f"{result['questions']} questions, {escape(adapter)}",
    )  # fmt: skip
    for one in result["strategies"]:
        table.add_row(_NAMES[one["strategy"]], *_row(one["figures"]))
    out.print(table)
    if result["adapter"] and result["adapter"]["learnt_questions"]:
        out.print(f"{escape(adapter)} has learnt {result['adapter']['learnt_questions']} of these questions")
    for one in result["strategies"]:
        fresh = one["figures"] and one["figures"]["freshness"]
        if fresh and fresh["seconds"] is not None:
            newer = f"; {fresh['newer_documents']} documents are newer" if fresh["newer_documents"] else ""
            name = _NAMES[one["strategy"]]
            out.print(f"{name}: a change arrives by {fresh['by']}, {fresh['seconds']:.1f} s{newer}")


def _row(figures: dict[str, Any] | None) -> list[str]:
    if figures is None:
        return ["no adapter", "", "", "", "", ""]
    right = f"{figures['right']} of {figures['answerable']} ({figures['accuracy']['mean']:.2f})"
    abstains = f"{_share(figures['abstained_rightly'])}, {_share(figures['abstained_wrongly'])}"
    tokens, seconds = figures["tokens_per_right"], figures["seconds_per_right"]
    cost = "-" if tokens is None else f"{tokens:.0f}, {seconds:.1f}"
    forgets = _forgets(**figures["forgetting"])
    return [right, f"{figures['f1']['mean']:.3f}", _share(figures["cited"]), abstains, cost, forgets]


def _forgets(by: str, asked_again: int, still_right: int) -> str:
    """What became of right answers once their documents were withheld."""
    if by == "deletion":
        return f"{asked_again - still_right} of {asked_again} at once" if asked_again else "-"
    return "once trained anew" if by == "training" else "never"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
