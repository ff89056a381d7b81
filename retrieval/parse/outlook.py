"""Outlook's mails (.msg): the same as other mails, from properties instead of lines."""

import io
from datetime import datetime
from typing import Any

from oxmsg import Message

from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse.container import write_member
from secretariat.retrieval.parse.dates import plausible
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.mail import write_body, write_head
from secretariat.retrieval.parse.text import Extracted, TextBuilder

_MARK = "__properties_version1.0".encode("utf-16-le")


def extract(data: bytes, limits: ParseLimits) -> Extracted:
    if _MARK not in data:
        raise DocumentRejectedError(
            "media_type_mismatch",
            "The file is named .msg but is no Outlook mail. Save the mail as .msg or .eml and upload that.",
        )
    message = Message.load(io.BytesIO(data))
    builder = TextBuilder(limits.characters)
    subject, sent = message.subject or "", message.sent_date
    write_head(
        builder,
        subject,
        [("From", message.sender or ""), ("To", _recipients(message)), ("Date", str(sent or ""))],
    )
    body, html = message.body, message.html_body
    if body and body.strip():
        write_body(builder, body.encode("utf-8", errors="replace"), False, limits)  # noqa: FBT003
    elif html:
        write_body(builder, html.encode("utf-8", errors="replace"), True, limits)  # noqa: FBT003
    for number, attachment in enumerate(message.attachments, 1):
        name = attachment.file_name or f"attachment {number}"
        content = attachment.file_bytes
        if number > limits.members or content is None:  # a reference, or a mail in Outlook's own form
            builder.note("member_refused", f"{name}: it isn't stored in the mail as a file.")
            continue
        write_member(builder, name, content, attachment.mime_type, limits)
    dated = plausible(sent.year, sent.month, sent.day) if isinstance(sent, datetime) else None
    return builder.finish(subject, dated)


def _recipients(message: Any) -> str:
    shown = (
        f"{recipient.name} <{recipient.email_address}>" if recipient.name else recipient.email_address
        for recipient in message.recipients
    )
    return ", ".join(filter(None, shown))
