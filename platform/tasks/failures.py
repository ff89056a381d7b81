"""What may be said in the clear of a task that failed. Its own message may quote the request or a document,
so that stands in the journal's content alone."""

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    "asker_not_allowed": "The person who gave the task may no longer give tasks.",
    "user_disabled": "The person who gave the task may no longer sign in.",
    "quarantined": "The task failed several times. Ask an administrator to look at its job.",
    "plan_invalid": "No plan could be made for the request.",
    "tool_failed": "A step could not be carried out.",
    "limit_exceeded": "The task reached one of its limits.",
    "journal_mismatch": "The task's journal doesn't fit the task.",
}


def sentence(code: str) -> str:
    return SENTENCES.get(code, "The task could not be carried out.")
