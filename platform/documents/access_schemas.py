"""What "who can see this" looks like on the wire."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from secretariat.platform.access import explanation
from secretariat.platform.web.pages import Page


class AccessPath(BaseModel):
    """A grant that reaches the person, in their own name, through a group or through everyone."""

    grant_id: UUID
    on: Literal["document", "collection"]
    resource_id: UUID
    effect: Literal["allow", "deny"]
    principal: str
    group: str | None
    created_at: datetime

    @classmethod
    def of(cls, path: explanation.Path) -> "AccessPath":
        grant = path.grant
        return cls.model_validate(
            {
                "grant_id": grant.id,
                "on": grant.resource_type,
                "resource_id": grant.resource_id,
                "effect": grant.effect,
                "principal": grant.principal,
                "group": path.group_name,
                "created_at": grant.created_at,
            }
        )


class Reader(BaseModel):
    """A person and why they may read the document or not.

    `verdict`: `allowed`; `denied` (a deny beats any allow); `no_grant` (nothing opens it to them);
    `no_permission` (their roles lack documents.read); `disabled` (they may not sign in). `deciding` is the
    grant that settles it among the grants: the one that a search of theirs names as its rule.
    """

    id: UUID
    name: str
    email: str
    may_read: bool
    verdict: explanation.Verdict
    deciding: AccessPath | None
    paths: list[AccessPath]

    @classmethod
    def of(cls, reader: explanation.Reader) -> "Reader":
        paths = [AccessPath.of(path) for path in reader.paths]
        return cls(
            id=reader.user.id,
            name=reader.user.name,
            email=reader.user.email,
            may_read=reader.verdict == "allowed",
            verdict=reader.verdict,
            deciding=paths[0] if paths else None,
            paths=paths,
        )


class DocumentAccess(Page[Reader]):
    """`readers` is how many people may read the document in all."""

    readers: int

    @classmethod
    def of(cls, page: Page[Reader], readers: int) -> "DocumentAccess":
        return cls(**dict(page), readers=readers)
