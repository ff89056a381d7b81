"""What a record says: who did what to which thing, with what outcome."""

from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from secretariat.platform.contents.store import StoredContent

EventType = Literal[
    "AUTH",
    "ADMIN",
    "IDENTITY",
    "KEY",
    "DATA_INGEST",
    "DATA_ACCESS",
    "PROMPT",
    "OUTPUT",
    "TOOL_CALL",
    "TASK",
    "CONVERSATION",
    "ERASURE",
    "EXPORT",
    "AUDIT_READ",
    "SYSTEM",
]
Outcome = Literal["success", "failure", "denied"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, with the roles held then. `type` agent acts on behalf of the user named."""

    type: Literal["user", "service", "agent", "system", "anonymous"]
    id: UUID | None = None
    email: str | None = None
    auth_method: str | None = None
    session_id: UUID | None = None
    roles: tuple[str, ...] = ()
    ip: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "id": str(self.id) if self.id else None,
            "email": self.email,
            "auth_method": self.auth_method,
            "session_id": str(self.session_id) if self.session_id else None,
            "roles": list(self.roles),
            "ip": self.ip,
        }


SYSTEM = Actor(type="system")


@dataclass(frozen=True, slots=True)
class Resource:
    type: str
    id: str
    name: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {"type": self.type, "id": self.id, "name": self.name}


@dataclass(frozen=True, slots=True)
class ContentRef:
    """Words that belong to the record but are kept apart."""

    role: str
    stored: StoredContent

    def as_json(self) -> dict[str, Any]:
        return {
            "ref": str(self.stored.id),
            "role": self.role,
            "commitment": self.stored.commitment,
            "media_type": self.stored.media_type,
            "bytes": self.stored.size,
        }


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """`details` is JSON without content: numbers, ids, hashes, names of settings."""

    event_type: EventType
    action: str
    actor: Actor
    outcome: Outcome = "success"
    resource: Resource | None = None
    task_id: UUID | None = None
    request_id: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    content: tuple[ContentRef, ...] = ()
