"""One kill: processes that write, search, save, compact and learn, and what the next one finds.

Two processes work on one tenant over a real PostgreSQL and one directory of snapshots: a writer that ingests,
rereads and deletes documents and saves, and a reader that searches. After a random time one of them, or both,
get SIGKILL. Then a new process's view (snapshot and tail) must equal one rebuilt from the log alone: the same
chunks to the last field, the same rankings with the same scores. Thresholds are lowered so that compaction,
snapshots and learning where to look happen all the time.
"""

import asyncio
import hashlib
import multiprocessing
import os
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

import numpy as np
from sqlalchemy import select

from secretariat.platform.contents.keyring import Keyring
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import Database, TenantSession
from secretariat.platform.indexes.chunk_log import SqlChunkLog, store_chunks, tombstone_document
from secretariat.platform.indexes.views import IndexViews
from secretariat.platform.kit.ids import new_id
from secretariat.platform.tables.contents import Blob
from secretariat.platform.tables.documents import Collection, Document
from secretariat.platform.tenants.service import create_tenant
from secretariat.retrieval.core import Chunk, ChunkDraft, Permit, Span
from secretariat.retrieval.index.roster import Within
from secretariat.retrieval.index.view import IndexView

DOCUMENTS, DIMENSION = 30, 32
STEPS = 40
LOWERED = {"snapshot_every": 40, "exact_below": 120, "exact_reach": 20, "compact_from": 60}
Steps: TypeAlias = "Synchronized[int]"
"""How often a process has come round."""
_WORDS = [f"word{n}" for n in range(300)]


@dataclass(frozen=True)
class Place:
    """Where both processes work."""

    url: str
    master_key: bytes
    directory: Path
    tenant_id: UUID
    collection_id: UUID

    def parts(self) -> tuple[Database, ContentStore, IndexViews]:
        database = Database(self.url)
        contents = ContentStore(Keyring(self.master_key))
        return database, contents, IndexViews(database, contents, self.directory, **LOWERED)


class DifferenceError(Exception):
    """The view isn't what the log says."""


def write(place: Place, seed: int, steps: Steps) -> None:
    """Until it is killed."""
    asyncio.run(_write(place, np.random.default_rng(seed), steps))


def read(place: Place, seed: int, steps: Steps) -> None:
    """Until it is killed."""
    asyncio.run(_read(place, np.random.default_rng(seed), steps))


async def _write(place: Place, choose: np.random.Generator, steps: Steps) -> None:
    database, contents, views = place.parts()
    view = await views.view(place.tenant_id)
    await view.catch_up()
    while True:
        steps.value += 1
        async with database.tenant(place.tenant_id) as session:
            living = await _living(session, place)
            what = choose.random()
            if len(living) > DOCUMENTS or (living and what < 0.3):
                document = living[choose.integers(len(living))]
                await tombstone_document(session, document.id)
                document.status = "deleted"
                views.forget_after_commit(session)
            else:
                again = living and what < 0.5
                document = living[choose.integers(len(living))] if again else await _document(session, place)
                await store_chunks(session, contents, document, _drafts(choose, document))
        if choose.random() < 0.7:
            await view.catch_up()
        if choose.random() < 0.1:
            await view.save()


async def _read(place: Place, choose: np.random.Generator, steps: Steps) -> None:
    _, _, views = place.parts()
    view = await views.view(place.tenant_id)
    permit = Permit(collections={place.collection_id: place.collection_id})
    await view.catch_up()
    while True:
        steps.value += 1
        await view.catch_up()
        await view.rank(str(choose.choice(_WORDS)), _vector(choose.random()), permit, Within(), 20)
        if choose.random() < 0.05:
            await view.save()


async def _living(session: TenantSession, place: Place) -> list[Document]:
    query = select(Document).where(Document.collection_id == place.collection_id, Document.status == "ready")
    return list(await session.scalars(query))


async def _document(session: TenantSession, place: Place) -> Document:
    blob = Blob(
        tenant_id=place.tenant_id, id=new_id(), key_id=await _key(session, place), media_type="text/plain",
        size=1, sha256="",
    )  # fmt: skip
    session.add(blob)
    await session.flush()
    document = Document(
        tenant_id=place.tenant_id, id=new_id(), collection_id=place.collection_id, name="notes.txt",
        media_type="text/plain", size=1, sha256="", blob_id=blob.id, status="ready",
    )  # fmt: skip
    session.add(document)
    await session.flush()
    return document


async def _key(session: TenantSession, place: Place) -> UUID:
    return (await Keyring(place.master_key).current(session))[0]


def _drafts(choose: np.random.Generator, document: Document) -> list[tuple[ChunkDraft, bytes]]:
    """What a document says depends on its id: read in again, it says mostly the same."""
    own = np.random.default_rng(document.id.int)
    said = [" ".join(own.choice(_WORDS, 8)) + f" {document.id.hex}{n}" for n in range(own.integers(3, 15))]
    texts = [text for text in said if choose.random() < 0.8] or said[:1]
    return [
        (
            ChunkDraft(
                ordinal,
                Span(0, len(text)),
                text,
                ("Notes",),
                hashlib.sha256(text.encode()).hexdigest(),
                key=text,
            ),
            _vector(text),
        )
        for ordinal, text in enumerate(texts)
    ]


def _vector(of: object) -> bytes:
    seed = int.from_bytes(hashlib.sha256(repr(of).encode()).digest()[:8], "big")
    vector = np.random.default_rng(seed).standard_normal(DIMENSION)
    return bytes((vector / np.linalg.norm(vector)).astype("<f4").tobytes())


async def prepare(url: str, directory: Path) -> Place:
    """A tenant with a collection, and nothing in it."""
    database, key = Database(url), os.urandom(32)
    tenant = await create_tenant(database, f"crash-{new_id().hex[-8:]}", "Crash")
    async with database.tenant(tenant.id) as session:
        collection = Collection(tenant_id=tenant.id, id=new_id(), name="notes")
        session.add(collection)
        await Keyring(key).current(session)
    await database.close()
    return Place(url, key, directory, tenant.id, collection.id)


async def check(place: Place, seed: int) -> tuple[int, bool]:
    """Raises DifferenceError. The chunks compared, and whether a snapshot was read."""
    database, contents, views = place.parts()
    try:
        snapshots = await views.snapshots(place.tenant_id)
        found = await views.view(place.tenant_id)
        seq = await found.catch_up()
        found.settle()
        true = IndexView(place.tenant_id, SqlChunkLog(database, contents, place.tenant_id))
        await true.catch_up()
        _equal("seq", true.seq, seq)
        _equal("chunks", _chunks(true), _chunks(found))
        choose = np.random.default_rng(seed)
        for _ in range(8):
            await _equal_rankings(place, found, true, " ".join(choose.choice(_WORDS, 3)))
        await views.settle()
        return true.size, bool(snapshots)
    finally:
        await database.close()


async def _equal_rankings(place: Place, found: IndexView, true: IndexView, query: str) -> None:
    permit = Permit(collections={place.collection_id: place.collection_id})
    ours, theirs = [
        await view.rank(query, _vector(query), permit, Within(), 20 if view is found else true.size + 1)
        for view in (found, true)
    ]
    _equal("reach", theirs.reach.allowed, ours.reach.allowed)
    bm25 = [(theirs.chunks[row].id, theirs.bm25[row]) for row in theirs.lexical][:20]
    _equal("BM25", bm25, [(ours.chunks[row].id, ours.bm25[row]) for row in ours.lexical])
    cosines = {theirs.chunks[row].id: theirs.cosines[row] for row in theirs.dense}
    near = [(ours.chunks[row].id, ours.cosines[row]) for row in ours.dense]
    _equal("cosines", [(chunk_id, cosines.get(chunk_id)) for chunk_id, _ in near], near)
    if found.exact:
        _equal("nearest", list(cosines.items())[:20], near)
    elif near:
        _equal("the nearest", max(cosines.values()), near[0][1])


def _chunks(view: IndexView) -> dict[UUID, Chunk]:
    return {chunk.id: chunk for chunk in view.chunks()}


def _equal(what: str, true: object, found: object) -> None:
    if true != found:
        raise DifferenceError(f"{what}: the log says {true!r}, the view {found!r}"[:2000])


async def trial(place: Place, run: int) -> tuple[int, bool]:
    """One run: two processes, a kill at a random moment, and the comparison."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    choose = np.random.default_rng(run)
    started: list[tuple[BaseProcess, Steps]] = []
    for work in (write, read):
        steps = context.Value("Q", 0)
        process = context.Process(target=work, args=(place, run, steps), daemon=True)
        process.start()
        started.append((process, steps))
    await _reached(started, 1 + int(choose.integers(STEPS)))
    await asyncio.sleep(choose.uniform(0, 0.05))
    choose.shuffle(order := [0, 1])
    for one in order:
        _kill(started[one][0])
        await asyncio.sleep(choose.choice([0, 0.1]))  # the other goes on alone for a while, or doesn't
    return await check(place, run)


def _kill(process: BaseProcess) -> None:
    if not process.is_alive():
        raise DifferenceError("a process ended before it was killed")
    process.kill()
    process.join()


async def _reached(started: Sequence[tuple[BaseProcess, Steps]], steps: int) -> None:
    """Until the writer has come so far, and the reader has begun."""
    while started[0][1].value < steps or not started[1][1].value:
        if not all(process.is_alive() for process, _ in started):
            raise DifferenceError("a process ended before it was killed")
        await asyncio.sleep(0.002)
