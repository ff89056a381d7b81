"""Bytes to characters for files without a reliable encoding: UTF-8, UTF-16/32 or Windows-1252."""

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 4096


def decode(data: bytes) -> str:
    """A byte order mark decides; else UTF-16 by its zero bytes; else UTF-8 if valid; else Windows-1252."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    wide = _utf16_without_mark(data[:_SAMPLE])
    if wide:
        return data.decode(wide, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def looks_like_text(head: bytes) -> bool:
    """False when zero bytes or more than a few control characters say that this is no text."""
    sample = head[:_SAMPLE]
    if any(sample.startswith(mark) for mark, _ in _MARKS) or _utf16_without_mark(sample):
        return True
    controls = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in sample)
    return b"\x00" not in sample and controls * 50 <= len(sample)


def _utf16_without_mark(sample: bytes) -> str | None:
    """Text of mostly Latin letters in UTF-16 has a zero in every other byte."""
    if len(sample) < 4:
        return None
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if odd > 0.4 * half and even < 0.05 * half:
        return "utf-16-le"
    if even > 0.4 * half and odd < 0.05 * half:
        return "utf-16-be"
    return None


def _code_page(name: str) -> codecs.CodecInfo | None:
    """Windows' code pages by the names that mails give them: Python knows some by their number only."""
    number = name.removeprefix("windows_").removeprefix("windows-")
    if number == name or not number.isdigit():
        return None
    try:
        return codecs.lookup(f"cp{number}")
    except LookupError:
        return None


codecs.register(_code_page)
