"""The snapshots of one tenant on one volume, registered in PostgreSQL."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from secretariat.platform.db.session import Database
from secretariat.platform.indexes.snapshots import repository
from secretariat.platform.kit.ids import new_id
from secretariat.platform.tables.documents import IndexSnapshot
from secretariat.retrieval.index.snapshot import SnapshotRecord


class SqlSnapshotRegister:
    """Implements retrieval.index.snapshot.SnapshotRegister."""

    def __init__(self, database: Database, tenant_id: UUID, volume: UUID) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._volume = volume

    async def known(self) -> list[SnapshotRecord]:
        async with self._database.tenant(self._tenant_id) as session:
            rows = await repository.on_volume(session, self._volume)
            return [SnapshotRecord(row.id, row.seq, row.sha256, row.size) for row in rows]

    async def add(self, record: SnapshotRecord) -> None:
        path = f"{self._volume}/{self._tenant_id}/{record.id}.index"
        async with self._database.tenant(self._tenant_id) as session:
            repository.insert(
                session,
                IndexSnapshot(
                    tenant_id=self._tenant_id,
                    id=record.id,
                    seq=record.seq,
                    path=path,
                    sha256=record.sha256,
                    size=record.size,
                ),
            )

    async def remove(self, ids: Sequence[UUID]) -> None:
        async with self._database.tenant(self._tenant_id) as session:
            await repository.remove(session, ids)


def volume_of(directory: Path) -> UUID:
    """The name of the place where the files lie: processes that share the place agree on it.

    Another machine's files aren't there, whatever their path says; so the name lies with the files.
    """
    directory.mkdir(parents=True, exist_ok=True)
    marker = directory / "volume"
    if not marker.exists():
        name = new_id()
        draft = directory / f".volume.{name}"
        draft.write_text(str(name), encoding="ascii")
        with suppress(FileExistsError):  # another process was first
            marker.hardlink_to(draft)
        draft.unlink()
    return UUID(marker.read_text("ascii"))
