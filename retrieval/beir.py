"""The files of BEIR's layout: questions as lines of JSON, judgements as lines parted by tabs. Pure.

An error names the file and the line and quotes nothing of it: the words may be somebody's.
"""

import json
from collections.abc import Iterator
from typing import Literal

File = Literal["queries", "qrels"]
_COLUMNS = 3
_DIGITS = 9


class BeirFileError(ValueError):
    """A file that can't be used, or one of its lines, counted from 1."""

    def __init__(self, file: File, message: str, line: int | None = None) -> None:
        super().__init__(f"Line {line}: {message}" if line is not None else message)
        self.file = file


def read_queries(data: bytes) -> Iterator[tuple[int, str, str]]:
    """(line, id, text) of each question. Raises BeirFileError."""
    for line, words in _lines("queries", data):
        try:
            row = json.loads(words)
            name, text = str(row["_id"]).strip(), str(row["text"]).strip()
            (name + text).encode()
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise BeirFileError("queries", "not a JSON object with _id and text", line) from error
        yield line, name, text


def read_qrels(data: bytes) -> Iterator[tuple[int, str, str, int]]:
    """(line, question, document, score) of each judgement, with or without a header. Raises BeirFileError."""
    for place, (line, words) in enumerate(_lines("qrels", data)):
        fields = [field.strip() for field in words.split("\t")]
        if len(fields) != _COLUMNS:
            raise BeirFileError("qrels", "not query-id, corpus-id and score parted by tabs", line)
        question, document, score = fields
        digits = score.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS:
            yield line, question, document, int(score)
        elif place > 0 or any(letter.isdigit() for letter in score):
            raise BeirFileError("qrels", "score must be a whole number", line)


def _lines(file: File, data: bytes) -> Iterator[tuple[int, str]]:
    """Those that say something, with their numbers."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BeirFileError(file, "It is not UTF-8.") from error
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.rstrip("\r")
