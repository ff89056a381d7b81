"""Questions with the documents that answer them, as a set of a tenant takes them. Pure.

Documents are named as their owner knows them: by id or by the name of their file. Whether there is such a
document, and who may read it, is not asked here.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secretariat.retrieval.beir import BeirFileError, read_qrels, read_queries

MOST_QUESTIONS = 1000
MOST_DOCUMENTS = 100
LONGEST_QUESTION = 4000
LONGEST_NAME = 255
HIGHEST_GAIN = 100
MOST_ANSWERS = 20
LONGEST_ANSWER = 1000


@dataclass(frozen=True, slots=True)
class Question:
    """`name` is what its file calls it. `required` maps documents, by id or by the name of their file, to how well
    each answers (1 or more). `answers`: spellings of the right one; empty where the right thing is to say that the
    documents don't hold it, None where the file doesn't tell."""

    name: str
    text: str
    required: Mapping[str, int]
    answers: Sequence[str] | None = None

    def as_json(self) -> dict[str, Any]:
        told = {} if self.answers is None else {"answers": list(self.answers)}
        return {"name": self.name, "text": self.text, "required": dict(self.required), **told}


def read_questions(queries: bytes, qrels: bytes) -> tuple[list[Question], int]:
    """The questions in the order of their file, and how many were left out because no document answers them.

    One whose answers are an empty list is kept without a document: it must not be answered. A gain of 0 says that
    the document doesn't answer. Raises BeirFileError.
    """
    texts = dict(_texts(queries))
    answers = _answers(queries)
    required: dict[str, dict[str, int]] = {}
    for line, query, document, gain in read_qrels(qrels):
        _check_judgement(line, document, gain)
        if query not in texts:
            raise BeirFileError("qrels", "no question of the other file has this query-id", line)
        if gain > 0:
            required.setdefault(query, {})[document] = gain
        if len(required.get(query, ())) > MOST_DOCUMENTS:
            raise BeirFileError("qrels", f"a question has at most {MOST_DOCUMENTS} documents", line)
    found = [
        Question(name, text, required.get(name, {}), answers.get(name))
        for name, text in texts.items()
        if name in required or answers.get(name) == []
    ]
    if not required:
        raise BeirFileError("qrels", "It names no document that answers a question.")
    if len(found) > MOST_QUESTIONS:
        raise BeirFileError("queries", f"A set has at most {MOST_QUESTIONS} questions; split it.")
    return found, len(texts) - len(found)


def _texts(data: bytes) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for line, name, text in read_queries(data):
        if not 1 <= len(name) <= LONGEST_NAME or name in seen:
            message = f"_id must be unique and have 1 to {LONGEST_NAME} characters"
            raise BeirFileError("queries", message, line)
        if not 1 <= len(text) <= LONGEST_QUESTION:
            raise BeirFileError("queries", f"text must have 1 to {LONGEST_QUESTION} characters", line)
        seen.add(name)
        yield name, text


def _answers(data: bytes) -> dict[str, list[str]]:
    """Of the questions that state them, by name; the lines were read before."""
    found = {}
    lines = data.decode("utf-8-sig").split("\n")
    for number, line in enumerate(lines, 1):
        row = json.loads(line) if line.strip() else {}
        answers = row.get("answers")
        if answers is None:
            continue
        if not isinstance(answers, list) or len(answers) > MOST_ANSWERS or not all(map(_is_answer, answers)):
            message = f"answers is a list of at most {MOST_ANSWERS} texts of 1 to {LONGEST_ANSWER} characters"
            raise BeirFileError("queries", message, number)
        found[str(row["_id"]).strip()] = [answer.strip() for answer in answers]
    return found


def _is_answer(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value.strip()) <= LONGEST_ANSWER and value.isprintable()


def _check_judgement(line: int, document: str, gain: int) -> None:
    if not 0 <= gain <= HIGHEST_GAIN:
        raise BeirFileError("qrels", f"score must be from 0 to {HIGHEST_GAIN}", line)
    if not 1 <= len(document) <= LONGEST_NAME or "\x00" in document:
        raise BeirFileError("qrels", f"corpus-id must have 1 to {LONGEST_NAME} characters", line)
