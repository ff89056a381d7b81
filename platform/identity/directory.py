"""The directory: people and groups of the tenant by name, for who wants to share something with them.

It says who is there and nothing of what they may do. A search gives the few that fit best, never a list of all,
and every look is on record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import ContentRef, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.db.session import TenantSession
from secretariat.platform.identity import repository
from secretariat.platform.services import Services
from secretariat.platform.tables.identity import Group, User

MOST = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """Whom a grant can name. `active`: may sign in; groups always are."""

    kind: Literal["user", "group"]
    id: UUID
    name: str
    email: str | None
    active: bool


async def search(
    session: TenantSession, services: Services, caller: Caller, words: str
) -> tuple[list[Entry], bool]:
    """Groups, then active people, of whose name or e-mail a word begins so; and whether there are more."""
    groups = await repository.groups_named_like(session, words, MOST + 1)
    people = await repository.people_named_like(session, words, MOST + 1)
    found = [*map(_group, groups), *map(_person, people)]
    asked = ContentRef("query", await services.contents.put(session, words))
    await _record(session, caller, "directory.search", min(len(found), MOST), asked)
    return found[:MOST], len(found) > MOST


async def resolve(session: TenantSession, caller: Caller, principals: Sequence[str]) -> list[Entry]:
    """The names behind principals of the tenant, of disabled people too; unknown ones are left out."""
    ids: dict[str, list[UUID]] = {"user": [], "group": []}
    for principal in principals:
        kind, _, number = principal.partition(":")
        ids[kind].append(UUID(number))
    groups = await repository.groups_by_id(session, ids["group"])
    people = await repository.people_by_id(session, ids["user"])
    found = [*map(_group, groups), *map(_person, people)]
    await _record(session, caller, "directory.resolve", len(found))
    return found


def _group(group: Group) -> Entry:
    return Entry("group", group.id, group.name, None, active=True)


def _person(user: User) -> Entry:
    return Entry("user", user.id, user.name, user.email, active=user.status == "active")


async def _record(
    session: TenantSession, caller: Caller, action: str, shown: int, *content: ContentRef
) -> None:
    await record(
        session,
        caller.did(
            "DATA_ACCESS",
            action,
            Resource("directory", str(session.tenant_id)),
            details={"shown": shown},
            content=content,
        ),
    )
