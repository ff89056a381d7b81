"""Public sets, read where they lie: for testing only."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.quality.grounded import Question
from secretariat.models.training.data.tool_form import Tool

DATA = Path(__file__).parents[3] / "shared" / "data"


def xquad(language: str = "en") -> tuple[list[Question], list[str]]:
    """Questions and paragraphs."""
    articles = json.loads((DATA / "xquad" / f"xquad.{language}.json").read_text("utf-8"))["data"]
    questions: list[Question] = []
    passages: list[str] = []
    for article in articles:
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                answers = tuple(dict.fromkeys(each["text"] for each in asked["answers"]))
                questions.append(Question(asked["id"], asked["question"], len(passages), answers))
            passages.append(paragraph["context"])
    return questions, passages


def pubmedqa() -> tuple[list[Question], list[str]]:
    """Questions and abstracts without their conclusions."""
    held: dict[str, dict[str, Any]] = json.loads((DATA / "pubmedqa" / "train500.json").read_text("utf-8"))
    questions = [Question(name, each["QUESTION"], place) for place, (name, each) in enumerate(held.items())]
    return questions, [" ".join(each["CONTEXTS"]) for each in held.values()]


def bfcl(part: str) -> Iterator[tuple[str, str, list[Tool], dict[str, dict[str, list[Any]]]]]:
    """(id, request, tools, the accepted values of each argument by the tool's name; none for irrelevance)."""
    folder, name = DATA / "bfcl", f"BFCL_v4_{part}.json"
    answers = folder / "possible_answer" / name
    right = {row["id"]: row["ground_truth"][0] for row in _rows(answers)} if answers.exists() else {}
    for row in _rows(folder / name):
        tools = [Tool(each["name"], each["description"], each["parameters"]) for each in row["function"]]
        yield row["id"], row["question"][0][0]["content"], tools, right.get(row["id"], {})


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)
