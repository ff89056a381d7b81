"""People, groups, sessions, keys, links, connections: the queries of identity."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from secretariat.platform.db.session import TenantSession, UnboundSession
from secretariat.platform.kit.ids import earliest_id
from secretariat.platform.tables.audit import AuditRecord
from secretariat.platform.tables.contents import Content
from secretariat.platform.tables.identity import (
    ApiKey,
    ExternalIdentity,
    Group,
    GroupMember,
    LoginState,
    SignInConnection,
    SignInLink,
    SignInSession,
    User,
)
from secretariat.platform.tables.tenants import Tenant

T = TypeVar("T", bound=User | Group | ApiKey | SignInConnection)


async def tenant(session: TenantSession) -> Tenant | None:
    """The session's own tenant."""
    return await session.scalar(select(Tenant).where(Tenant.id == session.tenant_id))


async def tenant_by_slug(session: UnboundSession, slug: str) -> Tenant | None:
    return await session.scalar(select(Tenant).where(Tenant.slug == slug))


# People


async def user(session: TenantSession, user_id: UUID) -> User | None:
    return await session.scalar(select(User).where(User.id == user_id))


async def user_by_email(session: TenantSession, email: str) -> User | None:
    return await session.scalar(select(User).where(User.email == email.strip().lower()))


async def users(session: TenantSession, limit: int, after: UUID | None, search: str | None) -> list[User]:
    query = _newest_first(select(User), User.id, limit, after)
    if search:
        query = query.where(
            or_(User.email.icontains(search, autoescape=True), User.name.icontains(search, autoescape=True))
        )
    return list(await session.scalars(query))


async def people_named_like(session: TenantSession, words: str, limit: int) -> list[User]:
    """Those who may sign in and whose name or e-mail has a word that begins so, by name."""
    fits = or_(_begins(User.name, words), _begins(User.email, words))
    query = select(User).where(User.status == "active", fits).order_by(func.lower(User.name), User.id)
    return list(await session.scalars(query.limit(limit)))


async def people_by_id(session: TenantSession, ids: Sequence[UUID]) -> list[User]:
    return list(await session.scalars(select(User).where(User.id.in_(ids)).order_by(func.lower(User.name))))


async def touch_user(session: TenantSession, user_id: UUID, before: datetime, seen: datetime) -> None:
    """At most once a minute: nothing is written when `last_seen_at` is later than `before`."""
    await session.execute(
        update(User)
        .where(User.id == user_id, or_(User.last_seen_at.is_(None), User.last_seen_at < before))
        .values(last_seen_at=seen)
    )


# Groups


async def group(session: TenantSession, group_id: UUID) -> Group | None:
    return await session.scalar(select(Group).where(Group.id == group_id))


async def group_named(session: TenantSession, name: str) -> Group | None:
    return await session.scalar(select(Group).where(Group.name == name))


async def groups(session: TenantSession, limit: int, after: UUID | None) -> list[Group]:
    return list(await session.scalars(_newest_first(select(Group), Group.id, limit, after)))


async def groups_named_like(session: TenantSession, words: str, limit: int) -> list[Group]:
    """Those whose name has a word that begins so, by name."""
    query = select(Group).where(_begins(Group.name, words)).order_by(func.lower(Group.name))
    return list(await session.scalars(query.limit(limit)))


async def groups_by_id(session: TenantSession, ids: Sequence[UUID]) -> list[Group]:
    return list(
        await session.scalars(select(Group).where(Group.id.in_(ids)).order_by(func.lower(Group.name)))
    )


async def member_counts(session: TenantSession, group_ids: Sequence[UUID]) -> dict[UUID, int]:
    query = (
        select(GroupMember.group_id, func.count())
        .where(GroupMember.group_id.in_(group_ids))
        .group_by(GroupMember.group_id)
    )
    return {group_id: count for group_id, count in await session.execute(query)}  # noqa: C416 - a Result has keys()


async def members(session: TenantSession, group_id: UUID, limit: int, after: UUID | None) -> list[User]:
    query = (
        select(User).join(GroupMember, GroupMember.user_id == User.id).where(GroupMember.group_id == group_id)
    )
    return list(await session.scalars(_newest_first(query, User.id, limit, after)))


async def add_member(session: TenantSession, group_id: UUID, user_id: UUID) -> None:
    await session.execute(
        insert(GroupMember)
        .values(tenant_id=session.tenant_id, group_id=group_id, user_id=user_id)
        .on_conflict_do_nothing()
    )


async def remove_member(session: TenantSession, group_id: UUID, user_id: UUID) -> bool:
    removed = await session.execute(
        delete(GroupMember)
        .where(GroupMember.group_id == group_id, GroupMember.user_id == user_id)
        .returning(GroupMember.user_id)
    )
    return removed.scalar_one_or_none() is not None


async def remove_group(session: TenantSession, group_id: UUID) -> None:
    # Memberships first: what is deleted by itself is deleted by the tables' owner, who writes for no tenant.
    await session.execute(delete(GroupMember).where(GroupMember.group_id == group_id))
    await session.execute(delete(Group).where(Group.id == group_id))


# Sessions, links and keys


async def sign_in_session(session: TenantSession, session_id: UUID) -> SignInSession | None:
    return await session.scalar(select(SignInSession).where(SignInSession.id == session_id))


async def revoke_session(session: TenantSession, session_id: UUID, at: datetime) -> None:
    await session.execute(
        update(SignInSession)
        .where(SignInSession.id == session_id, SignInSession.revoked_at.is_(None))
        .values(revoked_at=at)
    )


async def revoke_sessions_of(
    session: TenantSession, user_id: UUID, at: datetime, *, keep: UUID | None
) -> None:
    await session.execute(
        update(SignInSession)
        .where(
            SignInSession.user_id == user_id,
            SignInSession.revoked_at.is_(None),
            SignInSession.id.is_distinct_from(keep),
        )
        .values(revoked_at=at)
    )


async def revoke_all_of(session: TenantSession, user_id: UUID, at: datetime) -> None:
    """Sessions, keys and links of a user; the next request of any of them is refused."""
    for table in (SignInSession, ApiKey):
        await session.execute(
            update(table).where(table.user_id == user_id, table.revoked_at.is_(None)).values(revoked_at=at)
        )
    await session.execute(
        update(SignInLink)
        .where(SignInLink.user_id == user_id, SignInLink.used_at.is_(None))
        .values(used_at=at)
    )


async def use_link(
    session: TenantSession, link_id: UUID, secret_hmac: bytes, at: datetime
) -> SignInLink | None:
    """Consume a link: of two requests with the same link, one gets it."""
    return await session.scalar(
        update(SignInLink)
        .where(
            SignInLink.id == link_id,
            SignInLink.secret_hmac == secret_hmac,
            SignInLink.used_at.is_(None),
            SignInLink.expires_at > at,
        )
        .values(used_at=at)
        .returning(SignInLink)
    )


async def api_key(session: TenantSession, key_id: UUID) -> ApiKey | None:
    return await session.scalar(select(ApiKey).where(ApiKey.id == key_id))


async def api_keys(
    session: TenantSession, user_id: UUID | None, limit: int, after: UUID | None
) -> list[ApiKey]:
    query = _newest_first(select(ApiKey), ApiKey.id, limit, after)
    return list(await session.scalars(query if user_id is None else query.where(ApiKey.user_id == user_id)))


async def touch_key(session: TenantSession, key_id: UUID, before: datetime, used: datetime) -> None:
    await session.execute(
        update(ApiKey)
        .where(ApiKey.id == key_id, or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < before))
        .values(last_used_at=used)
    )


async def lock_sign_ins(session: TenantSession, ip: str | None) -> None:
    """Until the transaction ends, for sign-ins to this tenant from this address."""
    name = f"sign-in\x00{session.tenant_id}\x00{ip}".encode()
    key = int.from_bytes(hashlib.sha256(name).digest()[:8], "big", signed=True)
    await session.execute(select(func.pg_advisory_xact_lock(key)))


async def refused_sign_ins(
    session: TenantSession, email: str | None, ip: str | None, since: datetime
) -> tuple[int, int]:
    """(of this account from this address, of this address), since then, counted in the audit log itself."""
    of_address = (
        AuditRecord.id > earliest_id(since),
        AuditRecord.event_type == "AUTH",
        AuditRecord.action == "session.create",
        AuditRecord.outcome == "denied",
        AuditRecord.actor["ip"].astext.is_not_distinct_from(ip),
    )
    of_account = func.count().filter(AuditRecord.actor["email"].astext == email)
    row = (await session.execute(select(of_account, func.count()).where(*of_address))).one()
    return row[0], row[1]


# Connections


async def connection(session: TenantSession, connection_id: UUID) -> SignInConnection | None:
    return await session.scalar(select(SignInConnection).where(SignInConnection.id == connection_id))


async def connection_named(session: TenantSession, name: str) -> SignInConnection | None:
    return await session.scalar(select(SignInConnection).where(SignInConnection.name == name))


async def connections(
    session: TenantSession, limit: int, after: UUID | None, *, enabled_only: bool = False
) -> list[SignInConnection]:
    query = _newest_first(select(SignInConnection), SignInConnection.id, limit, after)
    return list(await session.scalars(query.where(SignInConnection.enabled) if enabled_only else query))


async def has_identities(session: TenantSession, connection_id: UUID) -> bool:
    query = select(ExternalIdentity.id).where(ExternalIdentity.connection_id == connection_id).limit(1)
    return await session.scalar(query) is not None


async def remove_connection(session: TenantSession, connection_id: UUID) -> None:
    await session.execute(delete(SignInConnection).where(SignInConnection.id == connection_id))


async def external_identity(
    session: TenantSession, connection_id: UUID, subject: str
) -> ExternalIdentity | None:
    return await session.scalar(
        select(ExternalIdentity).where(
            ExternalIdentity.connection_id == connection_id, ExternalIdentity.subject == subject
        )
    )


async def use_login_state(session: TenantSession, state_hmac: bytes, at: datetime) -> LoginState | None:
    """Consume a sign-in under way: of two call-backs with the same state, one gets it."""
    return await session.scalar(
        update(LoginState)
        .where(LoginState.state_hmac == state_hmac, LoginState.used_at.is_(None), LoginState.expires_at > at)
        .values(used_at=at)
        .returning(LoginState)
    )


async def forget_login_states(session: TenantSession, before: datetime) -> None:
    """Those that ended or were left, with their secrets."""
    over = or_(LoginState.expires_at < before, LoginState.used_at.is_not(None))
    secrets = list(await session.scalars(delete(LoginState).where(over).returning(LoginState.secret_id)))
    if secrets:
        await session.execute(delete(Content).where(Content.id.in_(secrets)))


async def forget_links(session: TenantSession, before: datetime) -> None:
    """Those that were used or ended before then."""
    await session.execute(
        delete(SignInLink).where(or_(SignInLink.expires_at < before, SignInLink.used_at < before))
    )


async def forget_sessions(session: TenantSession, before: datetime) -> None:
    await session.execute(delete(SignInSession).where(SignInSession.expires_at < before))


def _begins(column: InstrumentedAttribute[str], words: str) -> ColumnElement[bool]:
    return or_(column.istartswith(words, autoescape=True), column.icontains(f" {words}", autoescape=True))


def _newest_first(
    query: Select[T], column: InstrumentedAttribute[UUID], limit: int, after: UUID | None
) -> Select[T]:
    query = query.order_by(column.desc()).limit(limit)
    return query if after is None else query.where(column < after)
