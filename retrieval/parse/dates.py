"""Dates as documents write them; None for anything that is no date between 1970 and tomorrow."""

import re
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

_PDF = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?")
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_FIRST_YEAR = 1970


def pdf_date(text: str) -> date | None:
    """`D:20240131...` as PDF's information dictionary has it."""
    match = _PDF.match(text)
    return plausible(int(match[1]), int(match[2] or 1), int(match[3] or 1)) if match else None


def iso_date(text: str | None) -> date | None:
    match = _ISO.match((text or "").strip())
    return plausible(int(match[1]), int(match[2]), int(match[3])) if match else None


def mail_date(text: str | None) -> date | None:
    """As a mail's Date field has it (RFC 5322), in the sender's own time."""
    try:
        sent = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return plausible(sent.year, sent.month, sent.day)


def plausible(year: int, month: int, day: int) -> date | None:
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    tomorrow = datetime.now(tz=UTC).date() + timedelta(days=1)
    return found if year >= _FIRST_YEAR and found <= tomorrow else None
