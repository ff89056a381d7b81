"""Who is calling, settled once a request: everything below trusts this object and nothing else."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from secretariat.platform.audit.event import Actor, AuditEvent, ContentRef, EventType, Outcome, Resource
from secretariat.retrieval.core import Scope

EVERYONE = "everyone"


@dataclass(frozen=True, slots=True)
class Caller:
    """`principals` are `user:<id>`, `group:<id>` and `everyone`; `permissions` is what roles and key allow."""

    tenant_id: UUID
    user_id: UUID
    email: str
    name: str
    roles: tuple[str, ...]
    permissions: frozenset[str]
    principals: frozenset[str]
    auth_method: Literal["session", "api_key"]
    session_id: UUID | None
    key_id: UUID | None
    request_id: str
    ip: str | None
    csrf_token: str | None = None

    @property
    def actor(self) -> Actor:
        return Actor(
            type="user",
            id=self.user_id,
            email=self.email,
            auth_method=self.auth_method,
            session_id=self.session_id or self.key_id,
            roles=self.roles,
            ip=self.ip,
        )

    @property
    def scope(self) -> Scope:
        return Scope(self.tenant_id)

    def did(
        self,
        event_type: EventType,
        action: str,
        resource: Resource,
        *,
        outcome: Outcome = "success",
        task_id: UUID | None = None,
        details: dict[str, Any] | None = None,
        content: tuple[ContentRef, ...] = (),
    ) -> AuditEvent:
        """What this caller does in this request, to be recorded with what it changes."""
        return AuditEvent(
            event_type=event_type,
            action=action,
            actor=self.actor,
            outcome=outcome,
            resource=resource,
            task_id=task_id,
            request_id=self.request_id,
            details=details or {},
            content=content,
        )
