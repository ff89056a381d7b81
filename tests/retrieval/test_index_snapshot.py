"""Snapshots on disk: sealed, shared, harmless when they are lost or torn, and never older than a removal."""

import mmap
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secretariat.retrieval.core import Chunk, ChunkLog, Tombstone
from secretariat.retrieval.index.log import MemoryChunkLog, MemorySnapshotRegister
from secretariat.retrieval.index.snapshot import SnapshotRecord
from secretariat.retrieval.index.view import IndexView
from tests.retrieval.chunks import TENANT, TOPICS, chunks, corpus, ranked
from tests.retrieval.embedders import HashingEmbedder


@dataclass
class Disk:
    """A directory, the key of what lies there, and the register of what counts."""

    directory: Path
    key: bytes = field(default_factory=lambda: AESGCM.generate_key(256))
    register: MemorySnapshotRegister = field(default_factory=MemorySnapshotRegister)

    def seal(self, plain: bytes, context: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + AESGCM(self.key).encrypt(nonce, plain, context)

    def unseal(self, sealed: bytes | mmap.mmap, context: bytes) -> bytes:
        return AESGCM(self.key).decrypt(sealed[:12], sealed[12:], context)

    async def view(self, log: ChunkLog, *, tenant: UUID = TENANT, **thresholds: Any) -> IndexView:
        view = IndexView(
            tenant,
            log,
            self.directory,
            register=self.register,
            seal=self.seal,
            unseal=self.unseal,
            **thresholds,
        )
        await view.catch_up()
        return view

    def files(self, suffix: str = "") -> list[Path]:
        return sorted(self.directory.glob(f"*{suffix}"))

    def holds(self, word: str) -> bool:
        """Whether some file, unsealed, says it."""
        return any(
            word.encode() in self.unseal(path.read_bytes(), TENANT.bytes + UUID(path.stem).bytes)
            for path in self.files()
        )


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


class Watched(MemoryChunkLog):
    """Notes from where it is read."""

    def __init__(self, log: MemoryChunkLog) -> None:
        super().__init__()
        self._entries = log._entries
        self.asked: list[int] = []

    async def tail(self, after: int) -> AsyncIterator[Chunk | Tombstone]:
        self.asked.append(after)
        async for entry in super().tail(after):
            yield entry


async def _saved(disk: Disk) -> tuple[MemoryChunkLog, IndexView]:
    log = MemoryChunkLog()
    added = await corpus(25)
    log.append(added)
    log.remove([added[0].id])
    view = await disk.view(log)
    await view.save()
    return log, view


async def test_a_start_reads_the_snapshot_and_only_the_tail(disk: Disk) -> None:
    log, saved = await _saved(disk)
    log.append(await corpus(3, seed=9))
    await saved.catch_up()
    watched = Watched(log)
    view = await disk.view(watched)
    assert watched.asked == [26]
    assert view.seq == 29
    assert await ranked(view) == await ranked(saved)


async def test_words_never_lie_in_the_open(disk: Disk) -> None:
    await _saved(disk)
    assert disk.files()
    for path in disk.files():
        for word in (*TOPICS, "document 1", "number3"):
            assert word.encode() not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0
    assert disk.holds("number3")


def test_a_directory_without_a_seal_or_a_register_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="seal"):
        IndexView(TENANT, MemoryChunkLog(), tmp_path)


@pytest.mark.parametrize("suffix", [".index", ".block"])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "missing"])
async def test_a_damaged_snapshot_is_rebuilt_from_the_log(disk: Disk, damage: str, suffix: str) -> None:
    log, saved = await _saved(disk)
    file = disk.files(suffix)[0]
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    if damage == "missing":
        file.unlink()
    else:
        torn: dict[str, bytes] = {"flip": bytes(data), "cut": bytes(data[: len(data) // 2]), "empty": b""}
        file.write_bytes(torn[damage])
    watched = Watched(log)
    view = await disk.view(watched)
    assert watched.asked == [0]
    assert view.seq == 26
    assert await ranked(view) == await ranked(saved)


@pytest.mark.parametrize("foreign", ["key", "tenant", "register", "block"])
async def test_a_foreign_snapshot_is_not_believed(disk: Disk, foreign: str) -> None:
    log, _ = await _saved(disk)
    tenant = TENANT
    if foreign == "key":
        disk.key = AESGCM.generate_key(256)
    if foreign == "tenant":
        tenant = uuid4()
    if foreign == "register":  # an old manifest in the place of the one that was registered
        (record,) = await disk.register.known()
        await disk.register.remove([record.id])
        await disk.register.add(replace(record, sha256="0" * 64))
    if foreign == "block":
        log.append(await corpus(25, seed=3))
        other = await Disk(disk.directory, disk.key).view(log)
        await other.save()
        first, *_, last = disk.files(".block")
        first.write_bytes(last.read_bytes())
        last.write_bytes(first.read_bytes())
    watched = Watched(log)
    view = await disk.view(watched, tenant=tenant)
    assert 0 in watched.asked or watched.asked == [26]
    assert view.size == (49 if foreign == "block" else 24)


async def test_an_older_snapshot_serves_where_the_newest_is_damaged(disk: Disk) -> None:
    log, saved = await _saved(disk)
    log.append(await corpus(3, seed=9))
    await saved.catch_up()
    (older,) = await disk.register.known()
    await disk.register.add(SnapshotRecord(uuid4(), 29, "0" * 64, 1))
    watched = Watched(log)
    view = await disk.view(watched)
    assert watched.asked == [older.seq]
    assert await ranked(view) == await ranked(saved)


async def test_a_crash_before_it_is_registered_harms_nothing(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, saved = await _saved(disk)
    before = {path: path.read_bytes() for path in disk.files()}
    log.append(await corpus(3, seed=9))
    await saved.catch_up()

    class PowerCut(BaseException):
        pass

    def fail(*_arguments: object) -> None:
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(PowerCut):
            assert saved._files is not None
            saved._files.write(saved.seq, saved._now.blocks, None)
    abandoned, at_work = (disk.directory / f".{name}.tmp" for name in ("abandoned", "at-work"))
    for path, age in ((abandoned, 7200), (at_work, 1)):
        path.write_bytes(b"torn")
        os.utime(path, (time.time() - age,) * 2)
    assert all(path.read_bytes() == data for path, data in before.items())
    view = await disk.view(log)
    assert view.seq == 29
    await view.save()
    assert not abandoned.exists()
    assert at_work.exists()
    assert len(await disk.register.known()) == 1


async def test_what_is_gone_from_the_log_is_gone_from_memory_and_disk(disk: Disk) -> None:
    log = MemoryChunkLog()
    chunk, *rest = await corpus(30)
    secret = replace(chunk, text="the zanzibar clause")
    log.append([secret, *rest])
    at_work, elsewhere = [await disk.view(log) for _ in range(2)]
    await at_work.save()
    assert disk.holds("zanzibar")
    log.remove([secret.id])
    await elsewhere.catch_up()
    assert not disk.files()
    await at_work.save()  # from before the removal
    await at_work.catch_up()
    assert not disk.files()
    for view in (at_work, elsewhere):
        for block in view._now.blocks:
            assert b"zanzibar" not in block.texts
            assert "zanzibar" not in block.postings.terms
            assert secret.vector not in block.vectors.tobytes()
    assert await ranked(at_work) == await ranked(await disk.view(log))


async def test_a_large_view_rewrites_only_the_blocks_that_lost_something(disk: Disk) -> None:
    log = MemoryChunkLog()
    added = await corpus(60)
    view = await disk.view(log, snapshot_every=10)
    log.append(added)
    await view.catch_up()
    log.append(await chunks(HashingEmbedder(), [("later", f"words {n}") for n in range(12)]))
    await view.catch_up()
    old = {path.name for path in disk.files(".block")}
    assert len(old) == 2
    log.remove([added[3].id])
    await view.catch_up()
    new = {path.name for path in disk.files(".block")}
    assert len(old & new) == 1
    assert len(new) == 2
    assert not disk.holds("number3 ")
    assert len(await disk.register.known()) == 1
    watched = Watched(log)
    again = await disk.view(watched, snapshot_every=10)
    assert watched.asked == []
    assert await ranked(again) == await ranked(view)


async def test_a_block_that_another_process_dropped_is_written_again(disk: Disk) -> None:
    log, view = await _saved(disk)
    for path in disk.files(".block"):
        path.unlink()
    await view.save()
    watched = Watched(log)
    assert await ranked(await disk.view(watched)) == await ranked(view)
    assert watched.asked == []


async def test_a_view_that_grew_saves_itself(disk: Disk) -> None:
    log = MemoryChunkLog()
    view = await disk.view(log, snapshot_every=10)
    log.append(await corpus(9))
    await view.catch_up()
    assert not disk.files()
    log.append(await corpus(9, seed=1))
    await view.catch_up()
    assert [record.seq for record in await disk.register.known()] == [18]


async def test_what_was_learnt_is_read_back(disk: Disk) -> None:
    log = MemoryChunkLog()
    thresholds: dict[str, Any] = {"exact_below": 300, "exact_reach": 50}
    log.append(await corpus(600))
    view = await disk.view(log, **thresholds)
    view.settle()
    await view.save()
    again = await disk.view(log, **thresholds)
    assert not again.exact
    assert await ranked(again, "number77") == await ranked(view, "number77")


async def test_starting_over_believes_no_snapshot_and_the_next_one_replaces_all(disk: Disk) -> None:
    log, saved = await _saved(disk)
    before, (old,) = await ranked(saved), await disk.register.known()
    watched = Watched(log)
    view = IndexView(
        TENANT, watched, disk.directory, register=disk.register, seal=disk.seal, unseal=disk.unseal
    )
    await view.start_over()
    assert (view.seq, view.size) == (0, 0)
    await view.catch_up()
    assert watched.asked == [0]
    assert await ranked(view) == before
    await view.save()
    (new,) = await disk.register.known()
    assert new.id != old.id
    assert len(disk.files(".block")) == len(disk.files(".index")) == 1
