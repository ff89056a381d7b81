"""The two records of a model call: what is about to be asked, committed first; what came back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import AuditEvent, ContentRef, EventType, Outcome, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.contents.store import JSON
from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call of one caller to one model; `id` joins its two records."""

    services: Services
    caller: Caller
    endpoint: str
    model: str
    id: UUID = field(default_factory=new_id)

    async def asked(self, body: bytes, details: dict[str, Any]) -> None:
        """Commits the PROMPT record; nothing may be forwarded before this returns."""
        await self._record("PROMPT", "model.prompted", "success", details, ("prompt", body))

    async def answered(
        self, content: dict[str, Any] | None, details: dict[str, Any], outcome: Outcome
    ) -> None:
        """Commits the OUTPUT record, also of an answer that broke off."""
        words = ("output", orjson.dumps(content)) if content is not None else None
        await self._record("OUTPUT", "model.answered", outcome, details, words)

    async def _record(
        self,
        event_type: EventType,
        action: str,
        outcome: Outcome,
        details: dict[str, Any],
        words: tuple[str, bytes] | None,
    ) -> None:
        async with self.services.database.tenant(self.caller.tenant_id) as session:
            content: tuple[ContentRef, ...] = ()
            if words is not None:
                stored = await self.services.contents.put(session, words[1], JSON)
                content = (ContentRef(words[0], stored),)
            await record(
                session,
                AuditEvent(
                    event_type=event_type,
                    action=action,
                    actor=self.caller.actor,
                    outcome=outcome,
                    resource=Resource("model", self.model),
                    request_id=self.caller.request_id,
                    details={"call": str(self.id), "endpoint": self.endpoint, **details},
                    content=content,
                ),
            )


def answer_content(text: str, citations: Sequence[Any]) -> dict[str, Any]:
    """What is kept of an answer: its text, and which parts of it rest on which documents, if any do."""
    return {"text": text, "citations": list(citations)} if citations else {"text": text}


def identity(reply: dict[str, Any]) -> dict[str, Any]:
    """Which model answered, exactly, and what it cost; as far as the reply says."""
    return {
        "model": {"name": reply.get("model"), **(reply.get("secretariat") or {})},
        "usage": reply.get("usage"),
    }
