"""Mails (RFC 5322, MIME): who, when, what about, the best of their bodies, and their attachments as sections."""

import email
from collections.abc import Iterator
from contextlib import suppress
from email.message import EmailMessage
from email.policy import default

from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse import html, plain
from secretariat.retrieval.parse.container import write_member
from secretariat.retrieval.parse.dates import mail_date
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.text import Extracted, TextBuilder, squash

_SHOWN = ("From", "To", "Cc", "Date")
_MOST_ADDRESSES = 2000  # characters
_HTML = "text/html"


def extract(data: bytes, limits: ParseLimits) -> Extracted:
    message = email.message_from_bytes(data, policy=default)
    if not message.keys():
        raise DocumentRejectedError(
            "corrupt_document", "The file has no mail's header. Save the mail anew and upload it again."
        )
    builder = TextBuilder(limits.characters)
    subject = _header(message, "Subject")
    write_head(builder, subject, [(name, _header(message, name)) for name in _SHOWN])
    body = message.get_body(preferencelist=("plain", "html"))
    if isinstance(body, EmailMessage):
        write_body(builder, _content(body), body.get_content_type() == _HTML, limits)
    for name, content, declared in _attachments(message, limits, builder):
        write_member(builder, name, content, declared, limits)
    return builder.finish(subject, mail_date(_header(message, "Date")))


def write_head(builder: TextBuilder, subject: str, fields: list[tuple[str, str]]) -> None:
    builder.heading(subject, 1)
    for name, value in fields:
        if value:
            builder.line(f"{name}: {squash(value)[:_MOST_ADDRESSES]}")


def write_body(builder: TextBuilder, body: bytes, is_html: bool, limits: ParseLimits) -> None:  # noqa: FBT001
    """Below the head; nothing where the body says nothing."""
    if body.strip():
        with suppress(DocumentRejectedError):  # an empty page is no reason to refuse a mail
            builder.embed((html if is_html else plain).extract(body, limits), 1)


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message.get(name) or "")
    except (ValueError, TypeError, AttributeError, IndexError, LookupError):  # headers no policy can read
        raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
        return str(raw)


def _content(part: EmailMessage) -> bytes:
    """As UTF-8, whatever the part says that it is in."""
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    try:
        text = content.decode(part.get_content_charset() or "utf-8")
    except (LookupError, UnicodeDecodeError):
        return content
    return text.encode("utf-8", errors="replace")


def _attachments(
    message: EmailMessage, limits: ParseLimits, builder: TextBuilder
) -> Iterator[tuple[str, bytes, str]]:
    """Name, content, declared type. Images inside the body are part of its looks and are only counted."""
    pictures = 0
    for number, part in enumerate(message.iter_attachments(), 1):
        if number > limits.members:
            builder.note("member_refused", f"Attachments after the first {limits.members} were left out.")
            return
        declared = part.get_content_type()
        if (
            declared.startswith("image/")
            and part.get("Content-ID")
            and part.get_content_disposition() != "attachment"
        ):
            pictures += 1
            continue
        if declared == "message/rfc822":
            inner = part.get_payload(0) if part.is_multipart() else None
            content = inner.as_bytes() if isinstance(inner, EmailMessage) else b""
            yield part.get_filename() or f"attached mail {number}.eml", content, declared
        else:
            payload = part.get_payload(decode=True)
            content = payload if isinstance(payload, bytes) else b""
            yield part.get_filename() or f"attachment {number}", content, declared
    if pictures:
        builder.note("images_skipped", f"{pictures} images inside the mail's text were left out.")
