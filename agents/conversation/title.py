"""A title for a conversation that has none: its first words, cut where words end."""

import re

_LONGEST = 60
_POLITE = re.compile(r"^(hi|hello|hey|please|thanks|thank you)\b[\s,!.:;-]*", re.IGNORECASE)


def title_of(text: str) -> str:
    """At most 60 characters of the first sentence, without greetings before it."""
    plain = " ".join(text.split())
    plain = _POLITE.sub("", plain) or plain
    sentence = re.split(r"(?<=[.!?])\s", plain, maxsplit=1)[0].rstrip(".")
    if len(sentence) <= _LONGEST:
        return sentence[:1].upper() + sentence[1:]
    cut = sentence[:_LONGEST].rsplit(" ", 1)[0].rstrip(",;:")
    return f"{cut[:1].upper()}{cut[1:]}…"
