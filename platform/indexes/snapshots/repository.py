"""The queries of the register of snapshots. A path begins with the volume that the files lie on."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, select

from secretariat.platform.db.session import TenantSession
from secretariat.platform.tables.documents import IndexSnapshot


async def on_volume(session: TenantSession, volume: UUID) -> Sequence[IndexSnapshot]:
    """The newest first."""
    query = (
        select(IndexSnapshot)
        .where(IndexSnapshot.path.startswith(f"{volume}/"))
        .order_by(IndexSnapshot.seq.desc(), IndexSnapshot.id.desc())
    )
    return (await session.scalars(query)).all()


def insert(session: TenantSession, row: IndexSnapshot) -> None:
    session.add(row)


async def remove(session: TenantSession, ids: Sequence[UUID]) -> None:
    await session.execute(delete(IndexSnapshot).where(IndexSnapshot.id.in_(ids)))
