"""Deleting a document forgets its words: in search, in lists, in storage and in memory."""

import asyncio
import dataclasses
import hashlib
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select

from secretariat.platform.contents.blobs import PIECE_BYTES
from secretariat.platform.contents.store import ContentMissingError
from secretariat.platform.documents import service
from secretariat.platform.indexes.views import IndexViews
from secretariat.platform.services import Services
from secretariat.platform.tables.contents import BlobPiece, Content
from secretariat.platform.tables.documents import ChunkRow, Document
from secretariat.platform.tables.jobs import Job
from tests.platform.documents.steps import (
    audited,
    found,
    ingested,
    make_collection,
)
from tests.support.factories import Person, as_caller
from tests.support.postgres import Postgres


async def read(person: Person, document_id: str) -> dict[str, Any]:
    return dict((await person.client.get(f"/api/v1/documents/{document_id}")).json())


async def test_a_deleted_document_leaves_search_lists_and_storage(services: Services, owner: Person) -> None:
    collection_id = await make_collection(owner)
    document = await ingested(services, owner, collection_id)
    other = await ingested(
        services, owner, collection_id, data=b"Paid overtime.", name="o.txt", media_type=""
    )
    assert len((await found(owner, "paid holiday"))["passages"]) > 1

    path = f"/api/v1/documents/{document['id']}"
    assert (await owner.client.delete(path)).status_code == 204
    for rest in ("", "/text", "/chunks", "/content"):
        assert (await owner.client.get(path + rest)).status_code == 404
    assert (await owner.client.delete(path)).status_code == 404
    after = await found(owner, "paid holiday in a year")
    assert {passage["document_id"] for passage in after["passages"]} == {other["id"]}
    assert (after["allowed"], after["denied"]) == (1, 0)

    async with services.database.tenant(owner.tenant.id) as session:
        row = await session.scalar(select(Document).where(Document.id == UUID(str(document["id"]))))
        assert row is not None
        assert (row.status, row.text_id, row.title, row.pages) == ("deleted", None, None, [])
        pieces = select(func.count()).where(BlobPiece.blob_id == row.blob_id)
        assert await session.scalar(pieces) == 0
        chunks = list(await session.scalars(select(ChunkRow).where(ChunkRow.document_id == row.id)))
        assert chunks
        assert all(c.content_id is None and c.vector == b"" and c.tombstone_seq for c in chunks)
        assert set(await session.scalars(select(Job.subject_name).where(Job.subject_id == row.id))) == {""}
        referred = select(func.count()).select_from(Content)
        texts = await session.scalar(referred.where(Content.media_type.startswith("text/plain")))
        assert texts == 3  # the other document's, and the queries of two searches
    assert (await audited(services, owner, "document.deleted"))[0]["details"] == {"chunks": len(chunks)}


async def test_nobody_can_try_out_what_a_deleted_document_said(
    services: Services, owner: Person, other_owner: Person, postgres: Postgres
) -> None:
    prints = []
    for person in (owner, other_owner):
        document = await ingested(
            services, person, await make_collection(person), data=b"\n\nIt was a bribe.\n\n"
        )
        (passage,) = (await found(person, "bribe"))["passages"]
        (chunk,) = (await person.client.get(f"/api/v1/documents/{document['id']}/chunks")).json()["data"]
        assert chunk["sha256"] == hashlib.sha256(chunk["text"].encode()).hexdigest()
        (search,) = await audited(services, person, "search")
        (returned,) = search["details"]["returned"]
        assert await person.client.delete(f"/api/v1/documents/{document['id']}")
        async with services.database.tenant(person.tenant.id) as session:
            row = await session.get_one(ChunkRow, (person.tenant.id, UUID(passage["chunk_id"])))
        assert row.fingerprint == returned["fingerprint"]
        prints.append(row.fingerprint)
    assert prints[0] != prints[1]
    guess = hashlib.sha256(b"It was a bribe.").hexdigest()
    assert guess == chunk["sha256"]
    with postgres.connect(postgres.superuser_url) as connection:
        for table in ("chunks", "audit_records", "contents"):
            rows = connection.execute(f'SELECT t::text FROM "{table}" t').fetchall()
            assert not [row for (row,) in rows if guess in row], table


async def test_the_words_leave_memory_and_disk_with_the_commit(
    services: Services, owner: Person, tmp_path: Path
) -> None:
    document = await ingested(services, owner, await make_collection(owner))
    views = IndexViews(services.database, services.contents, tmp_path)
    view = await views.view(owner.tenant.id)
    await view.catch_up()
    await view.save()
    here = dataclasses.replace(services, indexes=views)
    async with services.database.tenant(owner.tenant.id) as session:
        caller = as_caller(owner.user)
        await service.delete(session, here, caller, UUID(str(document["id"])))
        assert [*tmp_path.rglob("*.block")]
        assert view.size > 0
    async with asyncio.timeout(10):
        while view.size or [*tmp_path.rglob("*.block")]:
            await asyncio.sleep(0.01)


async def test_a_file_that_lost_its_end_is_not_taken_for_whole(services: Services, owner: Person) -> None:
    async def pieces():
        yield b"x" * (PIECE_BYTES + 1)

    async with services.database.tenant(owner.tenant.id) as session:
        blob = await services.blobs.put(session, pieces(), "text/plain")
        await session.execute(delete(BlobPiece).where(BlobPiece.blob_id == blob.id, BlobPiece.ordinal == 1))
    async with services.database.tenant(owner.tenant.id) as session:
        with pytest.raises(ContentMissingError, match="1000000 bytes left of 1000001"):
            assert [len(piece) async for piece in services.blobs.read(session, blob.id)]
