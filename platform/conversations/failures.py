"""What may be said in the clear of a turn that failed; its own message may quote what was asked."""

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    "asker_not_allowed": "The person who asked may no longer hold conversations.",
    "user_disabled": "The person who asked may no longer sign in.",
    "quarantined": "Answering failed several times. Ask again, or ask an administrator to look at its job.",
    "limit_exceeded": "The turn reached one of its limits.",
    "journal_mismatch": "The turn's journal doesn't fit the turn.",
}


def sentence(code: str) -> str:
    return SENTENCES.get(code, "The turn could not be answered.")
