"""The log gives every reader each entry once and in order; views come back from it, or from a snapshot."""

import asyncio
import hashlib
from pathlib import Path
from uuid import UUID

from secretariat.platform.db.session import TenantSession
from secretariat.platform.indexes.chunk_log import BATCH, SqlChunkLog, append_chunks, tombstone_document
from secretariat.platform.indexes.views import IndexViews
from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from secretariat.platform.tables.contents import Blob
from secretariat.platform.tables.documents import Collection, Document
from secretariat.platform.tables.tenants import Tenant
from secretariat.retrieval.core import Chunk, ChunkDraft, Span, Tombstone
from tests.support.factories import make_tenant
from tests.support.model_server_double import embedded


async def make_document(session: TenantSession, services: Services, name: str = "a.txt") -> Document:
    tenant_id = session.tenant_id
    key_id, _ = await services.contents.keyring.current(session)
    collection = Collection(tenant_id=tenant_id, id=new_id(), name=f"c-{new_id()}")
    blob = Blob(tenant_id=tenant_id, id=new_id(), key_id=key_id, media_type="text/plain", size=1, sha256="")
    session.add_all([collection, blob])
    await session.flush()
    document = Document(
        tenant_id=tenant_id, id=new_id(), collection_id=collection.id, name=name, media_type="text/plain",
        size=1, sha256="", blob_id=blob.id, status="ready",
    )  # fmt: skip
    session.add(document)
    await session.flush()
    return document


def drafts(*texts: str) -> list[tuple[ChunkDraft, bytes]]:
    return [
        (
            ChunkDraft(n, Span(0, len(text)), text, ("Top",), hashlib.sha256(text.encode()).hexdigest()),
            embedded(text),
        )
        for n, text in enumerate(texts)
    ]


async def append(services: Services, tenant: Tenant, *texts: str) -> UUID:
    async with services.database.tenant(tenant.id) as session:
        document = await make_document(session, services)
        await append_chunks(session, services.contents, document, drafts(*texts))
        return document.id


async def entries(log: SqlChunkLog, after: int = 0) -> list[Chunk | Tombstone]:
    return [entry async for entry in log.tail(after)]


def log_of(services: Services, tenant: Tenant) -> SqlChunkLog:
    return SqlChunkLog(services.database, services.contents, tenant.id)


async def test_an_empty_log(services: Services, tenant: Tenant) -> None:
    log = log_of(services, tenant)
    assert await log.head() == 0
    assert await entries(log) == []


async def test_what_was_written_is_read_in_order_and_decrypted(services: Services, tenant: Tenant) -> None:
    await append(services, tenant, "one two", "three")
    await append(services, tenant, "four")
    log = log_of(services, tenant)
    read = await entries(log)
    assert [(c.seq, c.text, c.heading_path) for c in read if isinstance(c, Chunk)] == [
        (1, "one two", ("Top",)),
        (2, "three", ("Top",)),
        (3, "four", ("Top",)),
    ]
    assert all(isinstance(c, Chunk) and c.vector == embedded(c.text) for c in read)
    assert [c.seq for c in await entries(log, after=2)] == [3]
    assert await log.head() == 3


async def test_what_is_gone_is_a_tombstone_for_every_reader(services: Services, tenant: Tenant) -> None:
    document_id = await append(services, tenant, "one", "two")
    await append(services, tenant, "three")
    async with services.database.tenant(tenant.id) as session:
        assert await tombstone_document(session, document_id) == 2
        assert await tombstone_document(session, document_id) == 0
    log = log_of(services, tenant)
    assert await log.head() == 5
    late = await entries(log, after=3)
    assert [(type(entry), entry.seq) for entry in late] == [(Tombstone, 4), (Tombstone, 5)]
    fresh = await entries(log)
    assert [entry.seq for entry in fresh] == [3, 4, 5]


async def test_a_long_log_is_read_whole(services: Services, tenant: Tenant) -> None:
    await append(services, tenant, *(f"chunk {n}" for n in range(BATCH + 7)))
    assert [entry.seq for entry in await entries(log_of(services, tenant))] == list(range(1, BATCH + 8))


async def test_no_reader_overtakes_a_writer(services: Services, tenant: Tenant) -> None:
    """A writer that took numbers and hasn't committed keeps later numbers from being committed before."""
    ready, go = asyncio.Event(), asyncio.Event()

    async def slow_writer() -> None:
        async with services.database.tenant(tenant.id) as session:
            document = await make_document(session, services, "slow.txt")
            await append_chunks(session, services.contents, document, drafts("slow"))
            ready.set()
            await go.wait()

    slow = asyncio.ensure_future(slow_writer())
    await ready.wait()
    fast = asyncio.ensure_future(append(services, tenant, "fast"))
    await asyncio.sleep(0.2)
    assert await log_of(services, tenant).head() == 0
    go.set()
    await asyncio.gather(slow, fast)
    read = await entries(log_of(services, tenant))
    assert [(c.seq, c.text) for c in read if isinstance(c, Chunk)] == [(1, "slow"), (2, "fast")]


async def test_a_log_has_one_tenant(services: Services, tenant: Tenant, other_tenant: Tenant) -> None:
    await append(services, tenant, "ours")
    assert await entries(log_of(services, other_tenant)) == []


async def test_a_snapshot_is_sealed_and_read_back(services: Services, tenant: Tenant, tmp_path: Path) -> None:
    await append(services, tenant, "unmistakable words")
    view = await IndexViews(services.database, services.contents, tmp_path).view(tenant.id)
    await view.catch_up()
    await view.save()
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert b"unmistakable" not in file.read_bytes()
    again = await IndexViews(services.database, services.contents, tmp_path).view(tenant.id)
    await again.catch_up()
    assert (again.seq, again.size) == (1, 1)

    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    rebuilt = await IndexViews(services.database, services.contents, tmp_path).view(tenant.id)
    await rebuilt.catch_up()
    assert (rebuilt.seq, rebuilt.size) == (1, 1)


async def test_the_tenants_asked_for_least_leave_memory(services: Services, tenant: Tenant) -> None:
    others = [await make_tenant(services.database) for _ in range(2)]
    views = IndexViews(services.database, services.contents, None, tenants_in_memory=2)
    first = await views.view(tenant.id)
    assert await views.view(tenant.id) is first
    for other in others:
        await views.view(other.id)
    assert await views.view(tenant.id) is not first
