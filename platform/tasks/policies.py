"""Who sees which tasks, and how much of their words.

A person sees the tasks they gave. Whoever administers people (`users.manage`) or reads the audit log
(`audit.read`) sees that the tenant's other tasks are there, because both answer for what was done in it; the
words of those take `audit.content.read`, and the look is on record. Even in one's own tasks, the words of
documents show only while grants open those documents. Cancelling follows seeing: one's own, or any with
`users.manage`; auditors look and don't touch.
"""

from dataclasses import dataclass
from uuid import UUID

from secretariat.platform.access.caller import Caller


@dataclass(frozen=True, slots=True)
class Sight:
    """How much a reader gets of a task's words: any at all, and those of which documents.

    `principals` are whose grants decide; None means that they don't, in a look that is on record. `counts`: the
    reader may know how many documents a search kept from its asker; `reach`: how many it could have found.
    `documents`: may read documents at all.
    """

    words: bool
    principals: frozenset[str] | None
    counts: bool = False
    reach: bool = True
    documents: bool = True

    @property
    def on_record(self) -> bool:
        return self.words and self.principals is None


def sees_all(caller: Caller) -> bool:
    return bool(caller.permissions & {"users.manage", "audit.read"})


def only_of(caller: Caller) -> UUID | None:
    """The person whose tasks the caller is limited to; None for all of the tenant."""
    return None if sees_all(caller) else caller.user_id


def glance(caller: Caller, created_by: UUID) -> Sight:
    """What lists and answers to changes show: the words of one's own tasks alone."""
    return Sight(
        words=created_by == caller.user_id,
        principals=caller.principals,
        counts="collections.manage" in caller.permissions,
        documents="documents.read" in caller.permissions,
    )


def look(caller: Caller, created_by: UUID) -> Sight:
    """What asking for one task shows. Whoever gets a sight `on_record` must put the look on record."""
    own = glance(caller, created_by)
    if own.words or "audit.content.read" not in caller.permissions:
        return own
    return Sight(words=True, principals=None, counts=True)


def may_cancel(caller: Caller, created_by: UUID) -> bool:
    return created_by == caller.user_id or "users.manage" in caller.permissions
