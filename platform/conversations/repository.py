"""The queries of conversations, turns, their journals and what is remembered of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Uuid,
    and_,
    any_,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute

from secretariat.platform.access.authority import document_readable, documents_readable
from secretariat.platform.access.caller import EVERYONE
from secretariat.platform.db.session import Database, TenantSession
from secretariat.platform.tables.access import Grant, Role, RoleAssignment
from secretariat.platform.tables.contents import Content
from secretariat.platform.tables.conversations import (
    ConversationRow,
    TurnEventRow,
    TurnFeedbackRow,
    TurnMemoryRow,
    TurnRow,
)
from secretariat.platform.tables.documents import Document
from secretariat.platform.tables.identity import User
from secretariat.platform.tables.jobs import IdempotencyKey, Job
from secretariat.platform.tables.tasks import Assistant

Rows = ConversationRow | TurnRow | TurnEventRow | TurnFeedbackRow
Ids = InstrumentedAttribute[UUID] | InstrumentedAttribute[UUID | None]


def _among(column: Ids, ids: Sequence[UUID]) -> ColumnElement[bool]:
    """One array however many they are: a statement takes 32,767 parameters, and conversations have no end."""
    return column == any_(literal(list(ids), ARRAY(Uuid)))


async def add(session: TenantSession, row: Rows) -> None:
    session.add(row)
    await session.flush()
    await session.refresh(row)


def _shared(principals: frozenset[str]) -> ColumnElement[bool]:
    mine = and_(
        Grant.tenant_id == ConversationRow.tenant_id,
        Grant.resource_type == "conversation",
        Grant.resource_id == ConversationRow.id,
        Grant.principal.in_(principals | {EVERYONE}),
    )
    allowed, denied = (exists().where(mine, Grant.effect == effect) for effect in ("allow", "deny"))
    return and_(allowed, ~denied)


async def conversation(
    session: TenantSession,
    conversation_id: UUID,
    user_id: UUID,
    principals: frozenset[str] | None,
    *,
    hold: bool = False,
) -> ConversationRow | None:
    """If it is that person's; with `principals` also if it is shared with one of them.

    `hold` it until the commit: what deletes or changes it at the same time comes before, or after. Not its key:
    what only refers to it needn't wait.
    """
    may = ConversationRow.created_by == user_id
    if principals is not None:
        may = or_(may, _shared(principals))
    query = select(ConversationRow).where(
        ConversationRow.id == conversation_id, ConversationRow.deletion.is_(None), may
    )
    query = query.with_for_update(of=ConversationRow, key_share=True) if hold else query
    return await session.scalar(query.execution_options(populate_existing=True))


async def deleted(session: TenantSession, conversation_id: UUID, user_id: UUID) -> ConversationRow | None:
    """Whether deleted or not; if it was that person's."""
    query = select(ConversationRow).where(
        ConversationRow.id == conversation_id, ConversationRow.created_by == user_id
    )
    return await session.scalar(query)


async def conversations(
    session: TenantSession,
    *,
    user_id: UUID,
    shared_with: frozenset[str] | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[ConversationRow]:
    """The one that was used last comes first; one's own, or those that others share."""
    at, by = ConversationRow.updated_at, ConversationRow.id
    query = select(ConversationRow).where(ConversationRow.deletion.is_(None))
    if shared_with is None:
        query = query.where(ConversationRow.created_by == user_id)
    else:
        query = query.where(ConversationRow.created_by != user_id, _shared(shared_with))
    if before is not None:
        query = query.where(or_(at < before[0], and_(at == before[0], by < before[1])))
    return list(await session.scalars(query.order_by(at.desc(), by.desc()).limit(limit)))


async def turn(session: TenantSession, conversation_id: UUID, turn_id: UUID) -> TurnRow | None:
    query = select(TurnRow).where(TurnRow.conversation_id == conversation_id, TurnRow.id == turn_id)
    return await session.scalar(query.execution_options(populate_existing=True))


async def of_turn(session: TenantSession, row: TurnRow) -> ConversationRow:
    query = select(ConversationRow).where(ConversationRow.id == row.conversation_id)
    return (await session.scalars(query)).one()


async def newest_turn(session: TenantSession, conversation_id: UUID) -> TurnRow | None:
    query = select(TurnRow).where(TurnRow.conversation_id == conversation_id)
    return await session.scalar(query.order_by(TurnRow.id.desc()).limit(1))


async def locked_turn(session: TenantSession, turn_id: UUID) -> TurnRow | None:
    """Not its key: what refers to it, such as a turn that follows on it, can be written meanwhile."""
    query = select(TurnRow).where(TurnRow.id == turn_id).with_for_update(key_share=True)
    return await session.scalar(query.execution_options(populate_existing=True))


async def turns(session: TenantSession, conversation_id: UUID) -> list[TurnRow]:
    """In the order in which they were said."""
    query = select(TurnRow).where(TurnRow.conversation_id == conversation_id).order_by(TurnRow.id)
    return list(await session.scalars(query))


async def held_turns(session: TenantSession, conversation_id: UUID) -> list[TurnRow]:
    """All of them, until the commit: whoever writes on one comes before, or finds none."""
    query = select(TurnRow).where(TurnRow.conversation_id == conversation_id).order_by(TurnRow.id)
    query = query.with_for_update(key_share=True)
    return list(await session.scalars(query.execution_options(populate_existing=True)))


async def turn_counts(session: TenantSession, conversation_ids: Sequence[UUID]) -> dict[UUID, int]:
    query = (
        select(TurnRow.conversation_id, func.count())
        .where(TurnRow.conversation_id.in_(conversation_ids))
        .group_by(TurnRow.conversation_id)
    )
    return {row[0]: row[1] for row in await session.execute(query)}


async def lineage(session: TenantSession, turn_id: UUID) -> list[UUID]:
    """The turn and those that it follows on, the newest first."""
    first = select(TurnRow.id, TurnRow.parent_id).where(TurnRow.id == turn_id).cte("lineage", recursive=True)
    chain = first.union_all(
        select(TurnRow.id, TurnRow.parent_id).join(first, TurnRow.id == first.c.parent_id)
    )
    found = {row[0]: row[1] for row in await session.execute(select(chain.c.id, chain.c.parent_id))}
    ordered, at = list[UUID](), turn_id
    while at in found:
        ordered.append(at)
        if found[at] is None:
            break
        at = found[at]
    return ordered


async def newest_under(session: TenantSession, turn_id: UUID) -> UUID:
    """The newest of the turns that follow on one, at any distance; itself, if none does."""
    under = select(TurnRow.id).where(TurnRow.id == turn_id).cte("under", recursive=True)
    under = under.union_all(select(TurnRow.id).join(under, TurnRow.parent_id == under.c.id))
    return UUID(str(await session.scalar(select(under.c.id).order_by(under.c.id.desc()).limit(1))))


async def beside(
    session: TenantSession, rows: Sequence[TurnRow]
) -> list[tuple[UUID, UUID | None, UUID | None]]:
    """(id, parent, regenerates) of the turns of one conversation that follow on what these follow on, in order."""
    if not rows:
        return []
    after = [row.parent_id for row in rows if row.parent_id is not None]
    there = [_among(TurnRow.parent_id, after)]
    if len(after) < len(rows):
        there.append(TurnRow.parent_id.is_(None))
    query = select(TurnRow.id, TurnRow.parent_id, TurnRow.regenerates).order_by(TurnRow.id)
    query = query.where(TurnRow.conversation_id == rows[0].conversation_id, or_(*there))
    return [(row[0], row[1], row[2]) for row in await session.execute(query)]


async def turns_by_id(session: TenantSession, turn_ids: Sequence[UUID]) -> list[TurnRow]:
    query = select(TurnRow).where(TurnRow.id.in_(turn_ids)).order_by(TurnRow.id)
    return list(await session.scalars(query))


async def siblings(session: TenantSession, turn_id: UUID) -> list[TurnRow]:
    """The other answers to the text of a turn, itself among them."""
    query = select(TurnRow).where(or_(TurnRow.id == turn_id, TurnRow.regenerates == turn_id))
    return list(await session.scalars(query.execution_options(populate_existing=True)))


async def stop_requested(session: TenantSession, turn_id: UUID) -> datetime | None:
    return await session.scalar(select(TurnRow.stop_requested_at).where(TurnRow.id == turn_id))


@dataclass(frozen=True, slots=True)
class Going:
    """What says whether a turn may go on. `active`, `permitted`: its asker."""

    stopped: bool
    cancelled: bool
    active: bool
    permitted: bool


_GOING = select(
    exists().where(TurnRow.id == bindparam("turn"), TurnRow.stop_requested_at.is_not(None)),
    exists().where(Job.id == bindparam("job"), Job.cancel_requested_at.is_not(None)),
    exists().where(User.id == bindparam("asker"), User.status == "active"),
    exists().where(
        RoleAssignment.user_id == bindparam("asker"),
        Role.id == RoleAssignment.role_id,
        Role.permissions.any_() == "conversations.write",
    ),
)
_NEWEST = select(func.max(TurnEventRow.seq)).where(TurnEventRow.turn_id == bindparam("turn"))


async def going(
    database: Database, tenant_id: UUID, turn_id: UUID, job_id: UUID, asker: UUID | None
) -> Going:
    """As of now; it is asked several times a second."""
    values = {"turn": turn_id, "job": job_id, "asker": asker}
    return Going(*(await database.glance(tenant_id, _GOING, values))[0])


async def newest_event(database: Database, tenant_id: UUID, turn_id: UUID) -> int:
    """Its number as of now, 0 where there is none; it is asked several times a second."""
    return (await database.glance(tenant_id, _NEWEST, {"turn": turn_id}))[0][0] or 0


async def events(
    session: TenantSession, turn_id: UUID, after: int = 0, limit: int | None = None
) -> list[TurnEventRow]:
    query = (
        select(TurnEventRow)
        .where(TurnEventRow.turn_id == turn_id, TurnEventRow.seq > after)
        .order_by(TurnEventRow.seq)
        .limit(limit)
    )
    return list(await session.scalars(query))


async def events_of(
    session: TenantSession, turn_ids: Sequence[UUID], types: Sequence[str]
) -> list[TurnEventRow]:
    query = (
        select(TurnEventRow)
        .where(_among(TurnEventRow.turn_id, turn_ids), TurnEventRow.type.in_(types))
        .order_by(TurnEventRow.turn_id, TurnEventRow.seq)
    )
    return list(await session.scalars(query))


async def all_events(session: TenantSession, turn_ids: Sequence[UUID]) -> list[TurnEventRow]:
    query = select(TurnEventRow).where(_among(TurnEventRow.turn_id, turn_ids))
    return list(await session.scalars(query))


async def next_seq(session: TenantSession, turn_id: UUID) -> int:
    """Call with the turn's row locked."""
    last = await session.scalar(select(func.max(TurnEventRow.seq)).where(TurnEventRow.turn_id == turn_id))
    return (last or 0) + 1


async def feedback(
    session: TenantSession, turn_ids: Sequence[UUID], user_id: UUID | None = None
) -> list[TurnFeedbackRow]:
    query = select(TurnFeedbackRow).where(TurnFeedbackRow.turn_id.in_(turn_ids))
    if user_id is not None:
        query = query.where(TurnFeedbackRow.created_by == user_id)
    return list(await session.scalars(query))


async def memories(session: TenantSession, turn_ids: Sequence[UUID]) -> list[TurnMemoryRow]:
    query = (
        select(TurnMemoryRow)
        .where(_among(TurnMemoryRow.turn_id, turn_ids))
        .order_by(TurnMemoryRow.turn_id, TurnMemoryRow.ordinal)
    )
    return list(await session.scalars(query))


async def remember(session: TenantSession, rows: Sequence[TurnMemoryRow]) -> None:
    session.add_all(rows)
    await session.flush()


async def commitments(session: TenantSession, content_ids: Sequence[UUID]) -> list[dict[str, str]]:
    """{ref, commitment} of stored words, by id."""
    query = select(Content.id, Content.commitment).where(_among(Content.id, content_ids))
    return [
        {"ref": str(row[0]), "commitment": row[1]}
        for row in await session.execute(query.order_by(Content.id))
    ]


async def surviving(session: TenantSession, content_ids: Sequence[UUID]) -> int:
    """How many of these words are still stored."""
    query = select(func.count()).select_from(Content).where(_among(Content.id, content_ids))
    return await session.scalar(query) or 0


async def forget_rows(session: TenantSession, conversation_id: UUID) -> None:
    """All rows below a conversation; its words are the caller's to forget, and then are gone."""
    of = select(TurnRow.id).where(TurnRow.conversation_id == conversation_id)
    for table in (TurnMemoryRow, TurnFeedbackRow, TurnEventRow):
        await session.execute(delete(table).where(table.turn_id.in_(of)))
    await session.execute(delete(TurnRow).where(TurnRow.conversation_id == conversation_id))


async def kept_answers(session: TenantSession, route: str, principal: str | None = None) -> dict[UUID, UUID]:
    """Answers by the key that they are kept for: of a route and those below it, or of that route to one person."""
    there = IdempotencyKey.route == route
    if principal is None:
        there = or_(there, IdempotencyKey.route.startswith(f"{route}/", autoescape=True))
    else:
        there = and_(there, IdempotencyKey.principal == principal)
    query = select(IdempotencyKey.id, IdempotencyKey.response_id)
    rows = await session.execute(query.where(IdempotencyKey.response_id.is_not(None), there))
    return {row[0]: row[1] for row in rows if row[1] is not None}


async def drop_keys(session: TenantSession, key_ids: Sequence[UUID]) -> None:
    await session.execute(delete(IdempotencyKey).where(IdempotencyKey.id.in_(key_ids)))


async def assistant(session: TenantSession, assistant_id: UUID) -> Assistant | None:
    return await session.scalar(select(Assistant).where(Assistant.id == assistant_id))


async def document_sizes(
    session: TenantSession, principals: frozenset[str], collection_ids: frozenset[UUID] | None, limit: int
) -> list[tuple[UUID, str, int]]:
    """(id, title, bytes of text) of ready documents that may be read, the oldest first."""
    query = (
        select(Document.id, func.coalesce(Document.title, Document.name), Content.size)
        .join(Content, and_(Content.tenant_id == Document.tenant_id, Content.id == Document.text_id))
        .where(_ready_in(collection_ids), document_readable(principals))
        .order_by(Document.id)
        .limit(limit)
    )
    return [(row[0], row[1], row[2]) for row in await session.execute(query)]


async def denied_documents(
    session: TenantSession, principals: frozenset[str] | None, collection_ids: frozenset[UUID] | None
) -> int:
    """How many ready documents may not be read; `principals` None: not one may."""
    query = select(func.count()).select_from(Document).where(_ready_in(collection_ids))
    if principals is not None:
        query = query.where(~documents_readable(principals))
    return await session.scalar(query) or 0


def _ready_in(collection_ids: frozenset[UUID] | None) -> ColumnElement[bool]:
    ready = Document.status == "ready"
    return ready if collection_ids is None else and_(ready, Document.collection_id.in_(collection_ids))
