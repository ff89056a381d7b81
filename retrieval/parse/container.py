"""Documents inside of documents: an archive's members, a mail's attachments. Each is read by its own parser.

Knows how deep a document may be nested and how a member that can't be read is told.
"""

from dataclasses import replace
from pathlib import PurePosixPath

from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.media import ARCHIVES, sniff
from secretariat.retrieval.parse.text import TextBuilder, squash

_LONGEST_NAME = 200


def shown_path(path: str) -> str:
    """A member's path as a heading: relative, without steps upwards, on one line."""
    parts = [part for part in squash(path).replace("\\", "/").split("/") if part not in {"", ".", ".."}]
    if parts and parts[0].endswith(":"):  # a drive
        parts = parts[1:]
    return "/".join(parts)[-_LONGEST_NAME:]


def _check_depth(kind: str, limits: ParseLimits) -> None:
    if kind in ARCHIVES and limits.depth >= limits.deepest:
        raise DocumentRejectedError("too_deep", "It is an archive inside of archives; upload it by itself.")


def write_member(
    builder: TextBuilder, path: str, data: bytes, declared: str | None, limits: ParseLimits
) -> bool:
    """A section with the member's text, or a note that says why there is none. Whether there is text."""
    from secretariat.retrieval.parse.child import extract  # which knows this module's parsers

    shown = shown_path(path) or "unnamed"
    try:
        kind = sniff(data, PurePosixPath(shown).name, declared)
        _check_depth(kind, limits)
        inner = replace(limits, depth=limits.depth + 1, characters=builder.room)
        found = extract(data, kind, inner)
    except DocumentRejectedError as refused:
        if refused.code == "too_large" and builder.room < limits.characters // 2:
            raise
        builder.note("member_refused", f"{shown}: {refused.message}")
        return False
    except (MemoryError, RecursionError):
        raise
    except Exception as error:  # noqa: BLE001 - a member's parser found it damaged; the others are read
        builder.note(
            "member_refused", f"{shown}: The file is damaged and can't be read ({type(error).__name__})."
        )
        return False
    builder.heading(shown, 1)
    builder.embed(found, 1)
    return True
