"""What can be done with conversations. Takes the session first and never commits."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any
from uuid import UUID

from secretariat.platform.access import grants
from secretariat.platform.access.authority import readable_collections
from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import EventType, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.conversations import policies, repository, schemas
from secretariat.platform.conversations.policies import Seen
from secretariat.platform.db.session import TenantSession
from secretariat.platform.indexes.repository import forget
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.tables.access import Grant
from secretariat.platform.tables.conversations import ConversationRow
from secretariat.platform.web.errors import NotFoundError

_BATCH = 100


async def create(
    session: TenantSession, contents: ContentStore, caller: Caller, body: schemas.ConversationCreate
) -> ConversationRow:
    """Raises NotFoundError: an assistant or a collection."""
    if body.assistant_id is not None and await repository.assistant(session, body.assistant_id) is None:
        raise NotFoundError("assistant")
    wanted = set(body.collection_ids)
    if wanted != await readable_collections(session, caller.principals, wanted):
        raise NotFoundError("collection")
    title = await contents.put(session, body.title) if body.title is not None else None
    made = ConversationRow(
        tenant_id=session.tenant_id,
        id=new_id(),
        title_id=title.id if title else None,
        assistant_id=body.assistant_id,
        collection_ids=sorted(wanted),
        created_by=caller.user_id,
    )
    await repository.add(session, made)
    details = {
        "assistant_id": str(body.assistant_id) if body.assistant_id else None,
        "collection_ids": [str(one) for one in made.collection_ids],
    }
    await put_on_record(session, caller, "conversation.created", made.id, details)
    return made


async def conversation(
    session: TenantSession, caller: Caller, conversation_id: UUID, *, hold: bool = False
) -> Seen:
    """One that the caller may read; `hold` it for what is written about it. Raises NotFoundError."""
    found = await repository.conversation(
        session, conversation_id, caller.user_id, caller.principals, hold=hold
    )
    if found is None:
        raise NotFoundError("conversation")
    return policies.seen(caller, found)


async def own(session: TenantSession, caller: Caller, conversation_id: UUID) -> ConversationRow:
    """One that the caller may change, held until the commit. Raises NotFoundError."""
    found = await repository.conversation(session, conversation_id, caller.user_id, None, hold=True)
    if found is None:
        raise NotFoundError("conversation")
    return found


async def listed(
    session: TenantSession,
    contents: ContentStore,
    caller: Caller,
    *,
    shared: bool,
    title: str | None,
    after: UUID | None,
    limit: int,
) -> list[ConversationRow]:
    """At most `limit`, the one that was used last first. Titles are words: they are compared once decrypted."""
    before = None
    if after is not None:
        at = await repository.conversation(session, after, caller.user_id, caller.principals)
        before = (at.updated_at, at.id) if at is not None else (now(), UUID(int=0))
    found: list[ConversationRow] = []
    while True:
        rows = await repository.conversations(
            session,
            user_id=caller.user_id,
            shared_with=caller.principals if shared else None,
            before=before,
            limit=_BATCH if title else limit,
        )
        found += await _titled(session, contents, rows, title) if title else rows
        if len(found) >= limit or len(rows) < _BATCH or not title:
            return found[:limit]
        before = (rows[-1].updated_at, rows[-1].id)


async def _titled(
    session: TenantSession, contents: ContentStore, rows: list[ConversationRow], wanted: str
) -> list[ConversationRow]:
    words = await contents.get_many(session, [row.title_id for row in rows if row.title_id is not None])
    folded = wanted.casefold()
    return [row for row in rows if row.title_id and folded in words[row.title_id].decode().casefold()]


async def rename(
    session: TenantSession, contents: ContentStore, caller: Caller, conversation_id: UUID, title: str
) -> ConversationRow:
    """The title before is forgotten. Raises NotFoundError."""
    found = await own(session, caller, conversation_id)
    await entitle(session, contents, found, title)
    await put_on_record(session, caller, "conversation.renamed", found.id, {})
    return found


async def entitle(session: TenantSession, contents: ContentStore, row: ConversationRow, title: str) -> None:
    before, row.title_id = row.title_id, (await contents.put(session, title)).id
    await session.flush()
    await forget(session, [before] if before else [])


async def shares(session: TenantSession, caller: Caller, conversation_id: UUID) -> list[Grant]:
    await own(session, caller, conversation_id)
    return await grants.grants_on(session, "conversation", conversation_id)


async def share(
    session: TenantSession, caller: Caller, conversation_id: UUID, body: schemas.ShareCreate
) -> Grant:
    """Raises NotFoundError, InvalidError (no such principal in the tenant)."""
    await own(session, caller, conversation_id)
    made = await grants.grant(
        session, "conversation", conversation_id, body.principal, body.effect, caller.user_id
    )
    details = {"principal": body.principal, "effect": body.effect}
    await put_on_record(session, caller, "conversation.shared", conversation_id, details)
    return made


async def unshare(session: TenantSession, caller: Caller, conversation_id: UUID, share_id: UUID) -> None:
    """Raises NotFoundError."""
    rows = {row.id: row for row in await shares(session, caller, conversation_id)}
    if share_id not in rows:
        raise NotFoundError("share")
    await grants.revoke(session, "conversation", conversation_id, share_id)
    details = {"principal": rows[share_id].principal, "effect": rows[share_id].effect}
    await put_on_record(session, caller, "conversation.unshared", conversation_id, details)


async def read_along(
    session: TenantSession, caller: Caller, seen: Seen, turn_ids: Sequence[UUID], documents: AbstractSet[UUID]
) -> None:
    """Put on record that somebody looks at another's conversation, with the documents whose words they get."""
    if seen.own:
        return
    details = {
        "turns": [str(one) for one in turn_ids],
        "document_ids": sorted(str(one) for one in documents),
    }
    await put_on_record(session, caller, "conversation.read", seen.row.id, details, "DATA_ACCESS")


async def put_on_record(
    session: TenantSession,
    caller: Caller,
    action: str,
    conversation_id: UUID,
    details: dict[str, Any],
    event_type: EventType = "CONVERSATION",
) -> UUID:
    return await record(
        session,
        caller.did(event_type, action, Resource("conversation", str(conversation_id)), details=details),
    )
