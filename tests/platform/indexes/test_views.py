"""The views of a process: sealed on disk, registered, followed after deletions, shared by several processes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from secretariat.platform.indexes.chunk_log import SqlChunkLog, tombstone_document
from secretariat.platform.indexes.snapshots.register import SqlSnapshotRegister, volume_of
from secretariat.platform.indexes.views import IndexViews
from secretariat.platform.kit.aead import UndecipherableError
from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from secretariat.platform.tables.tenants import Tenant
from secretariat.retrieval.core import Chunk, Tombstone
from secretariat.retrieval.index.snapshot import SnapshotRecord
from tests.platform.indexes.test_chunk_log import append
from tests.support.factories import make_tenant


def files(directory: Path, suffix: str) -> list[Path]:
    return sorted(directory.rglob(f"*{suffix}"))


async def _delete(services: Services, views: IndexViews, tenant: Tenant, document_id: UUID) -> None:
    async with services.database.tenant(tenant.id) as session:
        await tombstone_document(session, document_id)
        views.forget_after_commit(session)


async def test_a_snapshot_is_sealed_registered_and_read_back(
    services: Services, tenant: Tenant, tmp_path: Path
) -> None:
    await append(services, tenant, "unmistakable words")
    views = IndexViews(services.database, services.contents, tmp_path)
    view = await views.view(tenant.id)
    await view.catch_up()
    await view.save()
    assert all(b"unmistakable" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    (record,) = await views.snapshots(tenant.id)
    assert record.seq == 1
    assert record.size == sum(path.stat().st_size for path in (tmp_path / str(tenant.id)).iterdir())
    again = await IndexViews(services.database, services.contents, tmp_path).view(tenant.id)
    await again.catch_up()
    assert (again.seq, again.size) == (1, 1)

    (manifest,) = files(tmp_path, ".index")
    manifest.write_bytes(manifest.read_bytes()[:-1] + b"\0")
    rebuilt = await IndexViews(services.database, services.contents, tmp_path).view(tenant.id)
    await rebuilt.catch_up()
    assert (rebuilt.seq, rebuilt.size) == (1, 1)


async def test_one_tenants_snapshot_is_nothing_to_another(
    services: Services, tenant: Tenant, other_tenant: Tenant, tmp_path: Path
) -> None:
    views = IndexViews(services.database, services.contents, tmp_path)
    await append(services, tenant, "ours")
    view = await views.view(tenant.id)
    await view.catch_up()
    await view.save()
    assert await views.snapshots(other_tenant.id) == []
    (block,) = files(tmp_path, ".block")
    theirs = await views.view(other_tenant.id)
    assert theirs._files is not None
    with pytest.raises(UndecipherableError):
        theirs._files.unseal(block.read_bytes(), tenant.id.bytes + UUID(block.stem).bytes)


async def test_a_deletion_is_followed_at_once_in_memory_and_on_disk(
    services: Services, tenant: Tenant, tmp_path: Path
) -> None:
    document_id = await append(services, tenant, "one", "two")
    await append(services, tenant, "three")
    views = IndexViews(services.database, services.contents, tmp_path)
    view = await views.view(tenant.id)
    await view.catch_up()
    await view.save()
    await _delete(services, views, tenant, document_id)
    await views.settle()
    assert (view.seq, view.size) == (5, 1)
    assert await views.snapshots(tenant.id) == []
    assert files(tmp_path, ".block") == files(tmp_path, ".index") == []


async def test_a_deletion_reaches_the_snapshot_of_a_view_that_isn_t_in_memory(
    services: Services, tenant: Tenant, tmp_path: Path
) -> None:
    document_id = await append(services, tenant, "one")
    view = await IndexViews(services.database, services.contents, tmp_path).view(tenant.id)
    await view.catch_up()
    await view.save()
    views = IndexViews(services.database, services.contents, tmp_path)
    await _delete(services, views, tenant, document_id)
    await views.settle()
    assert files(tmp_path, ".block") == []


async def test_two_processes_share_snapshots_and_neither_keeps_what_is_gone(
    services: Services, tenant: Tenant, tmp_path: Path
) -> None:
    document_id = await append(services, tenant, *(f"chunk {n}" for n in range(12)))
    await append(services, tenant, *(f"other {n}" for n in range(12)))
    one, other = (
        IndexViews(services.database, services.contents, tmp_path, snapshot_every=10) for _ in range(2)
    )
    first, second = await one.view(tenant.id), await other.view(tenant.id)
    await first.catch_up()
    await second.catch_up()
    assert len(await one.snapshots(tenant.id)) == 1
    await _delete(services, one, tenant, document_id)
    await one.settle()
    (record,) = await other.snapshots(tenant.id)
    assert record.seq == 36
    await second.catch_up()
    assert await other.snapshots(tenant.id) == [record]
    assert (first.size, second.size) == (12, 12)


async def test_a_view_is_rebuilt_from_the_log_while_searches_go_on_with_the_present_one(
    services: Services, tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await append(services, tenant, "one")
    views = IndexViews(services.database, services.contents, tmp_path)
    view = await views.view(tenant.id)
    await view.catch_up()
    await view.save()
    (before,) = await views.snapshots(tenant.id)
    begun, go_on = asyncio.Event(), asyncio.Event()
    tail = SqlChunkLog.tail

    async def held_up(log: SqlChunkLog, after: int) -> AsyncIterator[Chunk | Tombstone]:
        begun.set()
        await go_on.wait()
        async for entry in tail(log, after):
            yield entry

    monkeypatch.setattr(SqlChunkLog, "tail", held_up)
    rebuilding = asyncio.create_task(views.rebuild(tenant.id))
    await begun.wait()
    meanwhile = await views.view(tenant.id)
    await meanwhile.catch_up()
    assert meanwhile is view
    assert (meanwhile.seq, meanwhile.size) == (1, 1)
    go_on.set()
    rebuilt = await rebuilding
    assert rebuilt is await views.view(tenant.id)
    assert rebuilt is not view
    assert (rebuilt.seq, rebuilt.size) == (1, 1)
    (after,) = await views.snapshots(tenant.id)
    assert (after.seq, after.id == before.id) == (1, False)


async def test_a_register_knows_its_own_volume(services: Services, tenant: Tenant, tmp_path: Path) -> None:
    here, there = (
        SqlSnapshotRegister(services.database, tenant.id, volume_of(tmp_path / name)) for name in "ab"
    )
    assert volume_of(tmp_path / "a") == volume_of(tmp_path / "a")
    records = [SnapshotRecord(new_id(), seq, "0" * 64, 7) for seq in (3, 9, 5)]
    for record in records:
        await here.add(record)
    assert [record.seq for record in await here.known()] == [9, 5, 3]
    assert await there.known() == []
    await there.remove([])
    await here.remove([record.id for record in records[:2]])
    assert await here.known() == records[2:]


async def test_the_tenants_asked_for_least_leave_memory(services: Services, tenant: Tenant) -> None:
    others = [await make_tenant(services.database) for _ in range(2)]
    views = IndexViews(services.database, services.contents, None, tenants_in_memory=2)
    first = await views.view(tenant.id)
    assert await views.view(tenant.id) is first
    for other in others:
        await views.view(other.id)
    assert await views.view(tenant.id) is not first
