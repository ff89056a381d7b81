"""Who sees which conversations.

A conversation belongs to the person who began it: they alone go on with it, share, rename, export and delete it.
A grant to a person or group of the tenant opens it to read; a deny closes it again, whatever opens it. Nobody
else learns that it is there: administrators and auditors have the audit log, where looks at words are on record.
Whoever reads sees the words of documents only while they may read those documents: sharing a conversation doesn't
share its sources. Saying something takes the right to read documents, because the answer is made of them.
"""

from dataclasses import dataclass, replace

from secretariat.platform.access.caller import Caller
from secretariat.platform.tables.conversations import ConversationRow
from secretariat.platform.tasks.policies import Sight


@dataclass(frozen=True, slots=True)
class Seen:
    """A conversation that the caller may read; `own`: may change, too."""

    row: ConversationRow
    own: bool
    sight: Sight


def seen(caller: Caller, row: ConversationRow) -> Seen:
    own = row.created_by == caller.user_id
    return Seen(row, own, replace(sight(caller), reach=own))


def sight(caller: Caller) -> Sight:
    """Of one's own conversation: what was said, and of documents what one may read now."""
    return Sight(words=True, principals=caller.principals, documents="documents.read" in caller.permissions)
