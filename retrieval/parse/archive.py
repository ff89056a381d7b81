"""ZIP archives: the members in their order, each a section named by its path, read by its own parser."""

import zipfile
import zlib

from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse import office
from secretariat.retrieval.parse.container import shown_path, write_member
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.media import ZIP
from secretariat.retrieval.parse.text import Extracted, TextBuilder

_DAMAGED = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError)
_ENCRYPTED = 1


def extract(data: bytes, limits: ParseLimits) -> Extracted:
    builder = TextBuilder(limits.characters)
    with office.package(data, ZIP, limits) as archive:
        members = [entry for entry in archive.infolist() if not _uninteresting(entry)]
        for left_out in members[limits.members :]:
            name = shown_path(left_out.filename)
            builder.note("member_refused", f"{name}: an archive's first {limits.members} files are read.")
        read = [_write(archive, entry, builder, limits) for entry in members[: limits.members]]
    if not any(read):
        raise _nothing_in_it(members)
    return builder.finish()


def _uninteresting(entry: zipfile.ZipInfo) -> bool:
    """Folders, and what operating systems leave behind."""
    parts = entry.filename.replace("\\", "/").split("/")
    return entry.is_dir() or "__MACOSX" in parts or parts[-1].startswith(".") or not parts[-1]


def _write(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, builder: TextBuilder, limits: ParseLimits
) -> bool:
    shown = shown_path(entry.filename)
    if entry.flag_bits & _ENCRYPTED:
        builder.note("member_refused", f"{shown}: it is password-protected.")
        return False
    if entry.file_size > limits.file_bytes:
        builder.note("member_refused", f"{shown}: it is too large.")
        return False
    try:
        data = archive.read(entry)
    except _DAMAGED:
        builder.note("member_refused", f"{shown}: it is damaged in the archive.")
        return False
    return write_member(builder, entry.filename, data, None, limits)


def _nothing_in_it(members: list[zipfile.ZipInfo]) -> DocumentRejectedError:
    if members and all(entry.flag_bits & _ENCRYPTED for entry in members):
        return DocumentRejectedError(
            "encrypted_document", "The archive is password-protected. Upload its files without a password."
        )
    return DocumentRejectedError(
        "no_text", "None of the archive's files could be read. Upload those that you need one by one."
    )
