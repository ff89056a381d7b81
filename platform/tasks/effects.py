"""Exactly one effect a key, kept in PostgreSQL under the job's fencing token."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from secretariat.agents.core import Effect, ReportDraft
from secretariat.agents.errors import JournalMismatchError
from secretariat.platform.audit.event import Actor, AuditEvent, ContentRef, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.jobs.run import JobRun
from secretariat.platform.kit.times import now
from secretariat.platform.tables.tasks import EffectRow
from secretariat.platform.tasks import repository


@dataclass(frozen=True, slots=True)
class SqlEffectLedger:
    """Implements agents.core.EffectLedger for one task under one lease. Raises LeaseLostError."""

    run: JobRun
    task_id: UUID
    actor: Actor

    async def reserve(self, effect: Effect) -> dict[str, Any] | None:
        async with self.run.session() as session:
            row = await repository.effect(session, self.task_id, effect)
            _compare(row, effect)
            return row.outcome if row.status == "settled" else None

    async def write_report(self, effect: Effect, report: ReportDraft) -> UUID:
        async with self.run.session() as session:
            row = await repository.effect(session, self.task_id, effect)
            _compare(row, effect)
            if row.status == "settled" and row.outcome is not None:
                return UUID(row.outcome["artifact_id"])
            words = {"title": report.title, "markdown": report.markdown}
            stored = await self.run.services.contents.put_json(session, words)
            artifact = repository.new_artifact(session, self.task_id, effect.key, stored.id)
            await repository.add(session, artifact)
            row.status, row.settled_at = "settled", now()
            row.outcome = {"artifact_id": str(artifact.id)}
            await record(
                session,
                AuditEvent(
                    event_type="TOOL_CALL",
                    action="report.written",
                    actor=self.actor,
                    resource=Resource("artifact", str(artifact.id)),
                    task_id=self.task_id,
                    details={"tool": effect.tool, "effect_key": effect.key},
                    content=(ContentRef("report", stored),),
                ),
            )
            return artifact.id


def _compare(row: EffectRow, effect: Effect) -> None:
    if (row.tool, row.arguments_sha256) != (effect.tool, effect.arguments_sha256):
        raise JournalMismatchError("The effect was reserved before with other arguments.")
