"""JSON and JSON lines: one record a paragraph, each value behind the names that lead to it."""

from collections.abc import Iterator
from typing import Any

import orjson

from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse.charset import decode
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.text import Extracted, TextBuilder, squash

_DEEPEST = 100


def extract(data: bytes, limits: ParseLimits) -> Extracted:
    text = decode(data)
    builder = TextBuilder(limits.characters)
    try:
        whole = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        _refuse_depth(error)
        _write_lines(text, builder)
    else:
        _write_top(whole, builder)
    return builder.finish()


def _write_lines(text: str, builder: TextBuilder) -> None:
    bad = read = 0
    for line in text.splitlines():
        if not line.strip():
            continue
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            _refuse_depth(error)
            bad += 1
            continue
        read += 1
        _write_record(record, builder)
    if not read or bad > read:
        raise DocumentRejectedError(
            "corrupt_document", "The file is no valid JSON. Export it anew and upload it again."
        )
    if bad:
        builder.note("records_unreadable", f"{bad} lines are no valid JSON and were left out.")


def _refuse_depth(error: orjson.JSONDecodeError) -> None:
    if "depth" in str(error) or "recursion" in str(error).lower():
        raise DocumentRejectedError(
            "too_deep", "The JSON is nested too deeply to be read. Export its records one by one."
        ) from None


def _write_top(whole: Any, builder: TextBuilder) -> None:
    if isinstance(whole, list):
        for record in whole:
            _write_record(record, builder)
    elif isinstance(whole, dict):
        loose = {key: value for key, value in whole.items() if not _is_table(value)}
        _write_record(loose, builder)
        for key, value in whole.items():
            if _is_table(value):
                builder.heading(key, 1)
                for record in value:
                    _write_record(record, builder)
    else:
        _write_record(whole, builder)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(entry, dict) for entry in value)


def _write_record(record: Any, builder: TextBuilder) -> None:
    lines = [f"{name}: {shown}" if name else shown for name, shown in _named(record) if shown]
    builder.verbatim("\n".join(lines))


def _named(record: Any) -> Iterator[tuple[str, str]]:
    """Values with the path of names to them, in order, without recursion."""
    stack: list[tuple[tuple[str, ...], Any]] = [((), record)]
    while stack:
        path, value = stack.pop()
        if len(path) > _DEEPEST:
            raise DocumentRejectedError(
                "too_deep", "The JSON is nested too deeply to be read. Export its records one by one."
            )
        if isinstance(value, dict):
            stack.extend(((*path, squash(key)), inner) for key, inner in reversed(value.items()))
        elif isinstance(value, list) and any(isinstance(entry, (dict, list)) for entry in value):
            inner_values = enumerate(value, 1)
            stack.extend(((*path, str(number)), inner) for number, inner in reversed(list(inner_values)))
        elif isinstance(value, list):
            yield ".".join(path), ", ".join(filter(None, map(_shown, value)))
        else:
            yield ".".join(path), _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else squash(str(value))
