"""A conversation as a file: JSON for machines, Markdown for people, both with the places of all quotes."""

import re
from collections.abc import Sequence

from secretariat.platform.conversations import schemas
from secretariat.platform.kit.times import now, rfc3339

_SPECIAL = "\\`*_{}[]<>()#!|~@"
_ADDRESS = re.compile(r"\w(?=://)|\bwww(?=\.)", re.IGNORECASE)


def exported(conversation: schemas.Conversation, turns: Sequence[schemas.Turn]) -> schemas.ConversationExport:
    """What the reader sees of it, and no more."""
    return schemas.ConversationExport(
        id=conversation.id,
        title=conversation.title,
        created_at=conversation.created_at,
        exported_at=now(),
        turns=[_turn(turn) for turn in turns],
    )


def _turn(turn: schemas.Turn) -> schemas.ExportedTurn:
    fields = schemas.ExportedTurn.model_fields.keys() - {"at"}
    return schemas.ExportedTurn(at=turn.created_at, **{name: getattr(turn, name) for name in fields})


def markdown(export: schemas.ConversationExport) -> str:
    """In the order in which things were said; a turn that begins a branch says which one it follows on."""
    numbers = {turn.id: number for number, turn in enumerate(export.turns, 1)}
    lines = [
        f"# {_escaped(export.title or 'Conversation')}",
        "",
        f"Exported {rfc3339(export.exported_at)}",
        "",
    ]
    before = None
    for turn in export.turns:
        lines += [f"## {numbers[turn.id]}. {rfc3339(turn.at)}", ""]
        if turn.regenerates is not None:
            lines += [f"Another answer to turn {numbers.get(turn.regenerates, '?')}.", ""]
        elif turn.parent_id != before:
            follows = numbers.get(turn.parent_id) if turn.parent_id else None
            lines += [f"Follows on turn {follows}." if follows else "Begins anew.", ""]
        lines += [f"**Asked:** {_escaped(turn.text)}", "", f"**Answer:** {_answer(turn)}", ""]
        lines += _sources(turn)
        before = turn.id
    return "\n".join(lines)


def _answer(turn: schemas.ExportedTurn) -> str:
    if turn.answer is not None:
        return _escaped(turn.answer)
    return "withheld" if turn.status == "completed" else turn.status


def _sources(turn: schemas.ExportedTurn) -> Sequence[str]:
    lines = []
    for number, cited in enumerate(turn.citations, 1):
        state = "compared with the document" if cited.verified else "not verified"
        where = f"{_escaped(cited.document)}, characters {cited.start}–{cited.end} ({state})"
        lines.append(f"{number}. {where}: “{_escaped(cited.quote)}”")
    return [*lines, ""] if lines else []


def _escaped(text: str) -> str:
    """Words stay words: no link, image, HTML or heading can come of them, nor an address made a link by itself."""
    plain = "".join(f"\\{mark}" if mark in _SPECIAL else mark for mark in " ".join(text.split()))
    return _ADDRESS.sub(r"\g<0>\\", plain)
