"""Examples that have to go: because what they were made of goes, or whose words they are.

Their words are forgotten, the rows stay and say that there was something. Adapters that learnt from them are
marked: they may not be published any more, and what is published says that it has to be made again. Evidence
isn't touched.
"""

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement

from secretariat.platform.adapters import repository
from secretariat.platform.db.session import TenantSession


@dataclass(frozen=True, slots=True)
class Erased:
    """`words`: ids of contents that nothing refers to any more; who asks forgets them."""

    examples: int
    adapters: tuple[UUID, ...]
    words: tuple[UUID, ...]


async def erase(session: TenantSession, which: ColumnElement[bool]) -> Erased:
    """`which`: of `repository.of_turns`, `of_document`, `of_person` …"""
    rows = await repository.living(session, which)
    if not rows:
        return Erased(0, (), ())
    words = await repository.strip(session, rows)
    adapters = await repository.mark(session, Counter(row.training_job_id for row in rows))
    words += await repository.strip_evaluations(session, adapters)
    return Erased(len(rows), tuple(adapters), tuple(words))
