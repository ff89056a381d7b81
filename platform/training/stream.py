"""What the training process told, as server-sent events, watched as a task's journal is."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson

from secretariat.platform.services import Services
from secretariat.platform.tasks.policies import Sight
from secretariat.platform.tasks.stream import BATCH, Told
from secretariat.platform.training import repository, views


@dataclass(frozen=True, slots=True)
class MetricJournal:
    """Implements platform.tasks.stream.WatchedJournal over a training job's metrics. The last event says how the
    job ended; it has the number after the last metric's."""

    services: Services
    tenant_id: UUID
    training_job_id: UUID

    async def news(self, after: int, _sight: Sight) -> Sequence[Told]:
        async with self.services.database.tenant(self.tenant_id) as session:
            found = await repository.training_job(session, self.training_job_id)
            rows = await repository.metrics(session, self.training_job_id, after, BATCH)
        told = [
            Told(
                row.seq,
                f"id: {row.seq}\nevent: metric\ndata: {views.metric(row).model_dump_json()}\n\n",
                False,
            )
            for row in rows
        ]
        if found is None or (found.row.status not in repository.MOVING and len(rows) < BATCH):
            last = rows[-1].seq if rows else after
            data = orjson.dumps({"status": found.row.status if found else None}).decode()
            told.append(Told(last + 1, f"id: {last + 1}\nevent: ended\ndata: {data}\n\n", True))
        return told

    async def over(self, after: int) -> bool:
        async with self.services.database.tenant(self.tenant_id) as session:
            found = await repository.training_job(session, self.training_job_id)
            newest = await repository.newest_metric(session, self.training_job_id)
        ended = found is None or found.row.status not in repository.MOVING
        return ended and after > (newest.seq if newest else 0)
