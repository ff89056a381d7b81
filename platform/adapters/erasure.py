"""Examples that have to go: because what they were made of goes, or whose words they are.

Their words are forgotten, the rows stay and say that there was something; evaluations that repeat them let go of
their words, too. Adapters that learnt from them, and didn't merely measure with them, are marked: they have to be
made again and can't be published any more. Assistants stop answering with them in the same commit, unless an
administrator decided otherwise for that adapter. Evidence isn't touched.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement

from secretariat.platform.access.caller import Caller
from secretariat.platform.adapters import repository
from secretariat.platform.audit.event import Resource
from secretariat.platform.audit.record import record
from secretariat.platform.db.session import TenantSession
from secretariat.platform.tables.training import AdapterRow


@dataclass(frozen=True, slots=True)
class Erased:
    """`words`: ids of contents that nothing refers to any more; who asks forgets them. `assistants`: those that
    answer without their adapter from now on."""

    examples: int
    adapters: tuple[UUID, ...]
    words: tuple[UUID, ...]
    assistants: tuple[UUID, ...]


async def erase(session: TenantSession, caller: Caller, which: ColumnElement[bool]) -> Erased:
    """`which`: of `repository.of_turns`, `of_document`, `of_person` …"""
    await repository.before_erasing(session)
    rows = await repository.living(session, which)
    if not rows:
        return Erased(0, (), (), ())
    words = await repository.strip(session, rows)
    made = await repository.made_by(session, {row.training_job_id for row in rows})
    words += await repository.strip_evaluations(session, [row.id for row in made])
    learnt = Counter(row.training_job_id for row in rows if not row.held_out)
    marked = await repository.mark(session, made, learnt)
    assistants = await _withdraw(session, caller, marked)
    return Erased(len(rows), tuple(row.id for row in marked), tuple(words), tuple(assistants))


async def _withdraw(session: TenantSession, caller: Caller, marked: Sequence[AdapterRow]) -> list[UUID]:
    """Each with a record of its own, as if somebody had done it by hand."""
    going = {row.id: row for row in marked if row.after_erasure == "unpublish"}
    assistants = await repository.answering(session, list(going))
    for assistant in assistants:
        assert assistant.adapter_id is not None
        row = going[assistant.adapter_id]
        assistant.adapter_id = None
        resource = Resource("adapter", str(row.id), row.name)
        details = {"assistant_id": str(assistant.id), "because": "examples_erased"}
        await record(session, caller.did("ADMIN", "adapter.withdrawn", resource, details=details))
    await session.flush()
    return [assistant.id for assistant in assistants]
