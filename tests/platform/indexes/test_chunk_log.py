"""The log gives every reader each entry once and in order; views come back from it, or from a snapshot."""

import asyncio
import hashlib
import random
from uuid import UUID, uuid5

import pytest
from sqlalchemy import select

from secretariat.platform.db.session import TenantSession
from secretariat.platform.indexes import repository
from secretariat.platform.indexes.chunk_log import (
    BATCH,
    Change,
    SqlChunkLog,
    known_vectors,
    store_chunks,
    tombstone_document,
)
from secretariat.platform.indexes.repository import Entry
from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from secretariat.platform.tables.contents import Blob, Content
from secretariat.platform.tables.documents import ChunkRow, Collection, Document
from secretariat.platform.tables.tenants import Tenant
from secretariat.retrieval.core import Chunk, ChunkDraft, ParsedDocument, Section, Span, Tombstone
from secretariat.retrieval.split import split
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
        await store_chunks(session, services.contents, document, drafts(*texts))
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


def parsed(*paragraphs: str) -> list[tuple[ChunkDraft, bytes]]:
    """A chunk for each paragraph, with the keys that real ones have."""
    text = "\n\n".join(paragraphs)
    starts = [text.index(paragraph) for paragraph in paragraphs]
    sections = tuple(Section(words.split()[0], 1, at) for words, at in zip(paragraphs, starts, strict=True))
    chunks = split(ParsedDocument("t", text, "text/plain", sections), most=12)
    assert [chunk.text for chunk in chunks] == list(paragraphs)
    return [(chunk, embedded(chunk.text)) for chunk in chunks]


ALPHA, BETA, GAMMA = (
    f"{name} is a paragraph of its own with ten words." for name in ("Alpha", "Beta", "Gamma")
)


async def store(
    services: Services, tenant: Tenant, document_id: UUID, *paragraphs: str, basis: str = "one"
) -> Change:
    async with services.database.tenant(tenant.id) as session:
        document = await session.get_one(Document, (tenant.id, document_id))
        return await store_chunks(session, services.contents, document, parsed(*paragraphs), basis=basis)


async def told(services: Services, tenant: Tenant) -> dict[str, tuple[UUID, int, int]]:
    """What the log tells: words to id, seq and place."""
    read = await entries(log_of(services, tenant))
    return {chunk.text: (chunk.id, chunk.seq, chunk.span.start) for chunk in read if isinstance(chunk, Chunk)}


async def test_what_stays_keeps_its_id_its_number_and_its_words(services: Services, tenant: Tenant) -> None:
    document_id = await append(services, tenant)
    assert await store(services, tenant, document_id, ALPHA, BETA) == Change(0, 0, 2, 0, 2)
    first = await told(services, tenant)
    assert await store(services, tenant, document_id, ALPHA, BETA) == Change(2, 0, 0, 0, 2)
    assert await told(services, tenant) == first

    assert await store(services, tenant, document_id, ALPHA, GAMMA, BETA) == Change(1, 1, 1, 0, 4)
    second = await told(services, tenant)
    assert second[ALPHA] == first[ALPHA]
    assert second[BETA][0] == first[BETA][0]
    assert second[BETA][1:] == (4, len(ALPHA) + len(GAMMA) + 4)
    async with services.database.tenant(tenant.id) as session:
        rows = list(await session.scalars(select(ChunkRow)))
        contents = list(await session.scalars(select(Content)))
    assert len(rows) == len(contents) == 3


async def test_what_goes_leaves_a_tombstone_and_comes_back_under_its_id(
    services: Services, tenant: Tenant
) -> None:
    document_id = await append(services, tenant)
    await store(services, tenant, document_id, ALPHA, BETA)
    first = await told(services, tenant)
    assert await store(services, tenant, document_id, ALPHA) == Change(1, 0, 0, 1, 3)
    assert [type(entry) for entry in await entries(log_of(services, tenant), after=2)] == [Tombstone]
    async with services.database.tenant(tenant.id) as session:
        row = await session.get_one(ChunkRow, (tenant.id, first[BETA][0]))
        assert (row.content_id, row.vector, row.signature) == (None, b"", None)
        assert len(list(await session.scalars(select(Content)))) == 1

    assert await store(services, tenant, document_id, ALPHA, BETA) == Change(1, 0, 1, 0, 4)
    back = await told(services, tenant)
    assert back[BETA] == (first[BETA][0], 4, first[BETA][2])
    (entry,) = await entries(log_of(services, tenant), after=3)
    assert isinstance(entry, Chunk)
    assert entry.vector == embedded(BETA)


async def test_vectors_are_known_by_what_they_were_made_of(services: Services, tenant: Tenant) -> None:
    document_id = await append(services, tenant)
    await store(services, tenant, document_id, ALPHA, BETA)
    async with services.database.tenant(tenant.id) as session:
        known = await known_vectors(session, services.contents, document_id)
    keys = [draft.key for draft, _ in parsed(ALPHA, BETA, GAMMA)]
    assert [known(key, "one") for key in keys] == [embedded(ALPHA), embedded(BETA), None]
    assert [known(key, "another model") for key in keys] == [None] * 3
    assert await store(services, tenant, document_id, ALPHA, BETA, basis="another model") == Change(
        0, 2, 0, 0, 4
    )


async def test_a_stored_key_does_not_tell_what_was_said(services: Services, tenant: Tenant) -> None:
    """Whoever guesses the words can work out ChunkDraft.key, but neither the row's key nor its id from that."""
    first, second = await append(services, tenant), await append(services, tenant)
    for document_id in (first, second):
        await store(services, tenant, document_id, ALPHA)
    ((draft, _),) = parsed(ALPHA)
    async with services.database.tenant(tenant.id) as session:
        rows = list(await session.scalars(select(ChunkRow)))
    assert len({row.id for row in rows}) == len(rows) == 2
    for row in rows:
        assert draft.key not in row.key
        assert row.id not in (uuid5(first, draft.key), uuid5(second, draft.key))


async def test_any_series_of_readings_is_told_to_readers_old_and_new(
    services: Services, tenant: Tenant
) -> None:
    """A reader that follows each step and one that begins at the end hold the same."""
    chance = random.Random(4)
    names = [f"{name} is a paragraph of its own with ten words." for name in "ABCDEFGH"]
    document_id = await append(services, tenant)
    log, held, seen = log_of(services, tenant), dict[UUID, Chunk](), 0
    for _ in range(12):
        wanted = chance.sample(names, chance.randint(1, 6))
        change = await store(services, tenant, document_id, *wanted)
        for entry in await entries(log, seen):
            assert entry.seq > seen
            seen = entry.seq
            if isinstance(entry, Chunk):
                held[entry.id] = entry
            else:
                held.pop(entry.id, None)
        assert seen == change.seq == await log.head()
        anew = {entry.id: entry for entry in await entries(log) if isinstance(entry, Chunk)}
        assert anew == held
        assert [chunk.text for chunk in sorted(anew.values(), key=lambda chunk: chunk.ordinal)] == wanted


async def test_a_chunk_that_moves_while_it_is_read_keeps_the_order(
    services: Services, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the list of entries and their rows, one is written again: it comes at its new number alone."""
    document_id = await append(services, tenant)
    await store(services, tenant, document_id, ALPHA, BETA)
    listed = repository.entries

    async def and_then_moved(session: TenantSession, after: int, limit: int) -> list[Entry]:
        found = await listed(session, after, limit)
        monkeypatch.setattr(repository, "entries", listed)
        await store(services, tenant, document_id, BETA, ALPHA)
        return found

    monkeypatch.setattr(repository, "entries", and_then_moved)
    log = log_of(services, tenant)
    assert await entries(log) == []
    assert [entry.seq for entry in await entries(log)] == [3, 4]


async def test_a_long_log_is_read_whole(services: Services, tenant: Tenant) -> None:
    await append(services, tenant, *(f"chunk {n}" for n in range(BATCH + 7)))
    assert [entry.seq for entry in await entries(log_of(services, tenant))] == list(range(1, BATCH + 8))


async def test_no_reader_overtakes_a_writer(services: Services, tenant: Tenant) -> None:
    """A writer that took numbers and hasn't committed keeps later numbers from being committed before."""
    ready, go = asyncio.Event(), asyncio.Event()

    async def slow_writer() -> None:
        async with services.database.tenant(tenant.id) as session:
            document = await make_document(session, services, "slow.txt")
            await store_chunks(session, services.contents, document, drafts("slow"))
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
