"""Repeating, losing, refusing and giving up a job leave a clean state."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from secretariat.models.errors import ModelError
from secretariat.platform.documents import jobs
from secretariat.platform.jobs import repository as job_repository
from secretariat.platform.jobs.run import Handler, JobRun
from secretariat.platform.jobs.runner import Runner
from secretariat.platform.kit.times import now
from secretariat.platform.services import Services
from secretariat.platform.tables.contents import Content
from secretariat.platform.tables.documents import ChunkRow, Document
from tests.platform.documents.steps import (
    HANDLERS,
    LEAVE,
    audited,
    carry_out,
    found,
    impatient,
    ingested,
    make_collection,
    upload,
)
from tests.support.factories import Person


async def job_of(services: Services, person: Person, document_id: str) -> UUID:
    async with services.database.tenant(person.tenant.id) as session:
        job_id = await session.scalar(select(Document.job_id).where(Document.id == UUID(document_id)))
    assert job_id is not None
    return job_id


async def expire_lease(services: Services, person: Person, job_id: UUID) -> None:
    async with services.database.tenant(person.tenant.id) as session:
        lease = await job_repository.lease(session, job_id)
        assert lease is not None
        lease.due_at = now() - timedelta(seconds=1)


async def read(person: Person, document_id: str) -> dict[str, Any]:
    return dict((await person.client.get(f"/api/v1/documents/{document_id}")).json())


async def again(services: Services, person: Person, document_id: str, data: bytes | None = None) -> None:
    """The document's job once more, as if its worker had died before it could say "done"; with another file."""
    job_id = await job_of(services, person, document_id)
    async with services.database.tenant(person.tenant.id) as session:
        row = await session.get_one(Document, (person.tenant.id, UUID(document_id)))
        row.status = "processing"
        if data is not None:
            row.blob_id = (await services.blobs.put(session, _pieces(data), row.media_type)).id
        job = await job_repository.job(session, job_id)
        assert job is not None
        job.status = "queued"
    await expire_lease(services, person, job_id)
    await Runner(services, HANDLERS).carry_out(person.tenant.id, job_id)


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def readings(services: Services, person: Person) -> list[tuple[int, ...]]:
    """Of each reading on record: chunks kept, moved, added and removed, and how many were embedded."""
    names = ("kept", "moved", "added", "removed", "embedded")
    records = await audited(services, person, "document.ready")
    return [tuple(record["details"][name] for name in names) for record in records]


async def test_ingesting_again_changes_nothing_that_is_there(services: Services, owner: Person) -> None:
    document = await ingested(services, owner, await make_collection(owner))
    before = await found(owner, "paid holiday")
    await again(services, owner, str(document["id"]))
    now = await read(owner, str(document["id"]))
    assert (now["status"], now["chunk_count"]) == ("ready", document["chunk_count"])
    after = await found(owner, "paid holiday")
    assert (after["passages"], after["index_seq"]) == (before["passages"], before["index_seq"])
    count = document["chunk_count"]
    assert await readings(services, owner) == [(0, 0, count, 0, count), (count, 0, 0, 0, 0)]


async def test_a_new_file_embeds_what_is_new_and_forgets_what_is_gone(
    services: Services, owner: Person
) -> None:
    sections = [f"# Rule {n}\n\n" + f"Rule number {n} says that day {n} is free. " * 20 for n in range(6)]
    document = await ingested(
        services, owner, await make_collection(owner), data="\n\n".join(sections).encode()
    )
    path = f"/api/v1/documents/{document['id']}/chunks"
    before = {chunk["text"]: chunk["id"] for chunk in (await owner.client.get(path)).json()["data"]}
    assert len(before) == 6
    changed = [*sections[:2], "# New\n\n" + "Nothing of this was said before. " * 25, *sections[3:]]
    await again(services, owner, str(document["id"]), "\n\n".join(changed).encode())

    after = {chunk["text"]: chunk["id"] for chunk in (await owner.client.get(path)).json()["data"]}
    assert list(after.values())[:2] == list(before.values())[:2]
    assert list(after.values())[3:] == list(before.values())[3:]
    assert {*before.values()} - {*after.values()} == {list(before.values())[2]}
    assert await readings(services, owner) == [(0, 0, 6, 0, 6), (2, 3, 1, 1, 1)]
    texts = [passage["text"] for passage in (await found(owner, "rule number 2 day 2"))["passages"]]
    assert texts
    assert not [text for text in texts if "day 2 is" in text]
    async with services.database.tenant(owner.tenant.id) as session:
        living = await session.scalar(
            select(func.count()).where(ChunkRow.content_id.is_not(None), ChunkRow.tombstone_seq.is_(None))
        )
        words = select(func.count()).select_from(Content).where(Content.media_type == "application/json")
        row = await session.get_one(Document, (owner.tenant.id, UUID(str(document["id"]))))
        assert living == 6
        assert await session.scalar(words) == 6 + (row.layout_id is not None)


async def test_what_a_document_says_of_itself_is_kept_and_forgotten_with_it(
    services: Services, owner: Person
) -> None:
    table = b"# Rates\n\n| City | Rate |\n|---|---|\n| Wegholm | 90 |\n| Carlow | 80 |\n"
    document = await ingested(services, owner, await make_collection(owner), data=table, name="rates.md")
    async with services.database.tenant(owner.tenant.id) as session:
        row = await session.get_one(Document, (owner.tenant.id, UUID(str(document["id"]))))
        assert row.layout_id is not None
        assert row.text_id is not None
        layout_id = row.layout_id
        stored = await services.contents.json(session, layout_id)
        text = await services.contents.text(session, row.text_id)
    ((kind, start, end),) = stored["blocks"]
    assert (kind, text[start:end].split("\n")[0].split(" | ")) == ("table", ["City", "Rate"])
    assert (await owner.client.delete(f"/api/v1/documents/{document['id']}")).status_code == 204
    async with services.database.tenant(owner.tenant.id) as session:
        assert await session.get(Content, (owner.tenant.id, layout_id)) is None


async def test_a_worker_whose_lease_was_taken_writes_nothing(services: Services, owner: Person) -> None:
    collection_id = await make_collection(owner)
    document_id = (await upload(owner, collection_id)).json()["id"]
    job_id = await job_of(services, owner, document_id)
    read_by, may_store = asyncio.Event(), asyncio.Event()
    slow = impatient(services, lease_seconds=60)

    async def stuck(run: JobRun) -> None:
        class Slow:
            async def embed(self, texts, call):
                read_by.set()
                await may_store.wait()
                return await services.models.embed(texts, call)

            async def count_embedded(self, texts, call):
                return await services.models.count_embedded(texts, call)

        run.services = dataclasses.replace(run.services, models=Slow())  # type: ignore[arg-type]
        await jobs.ingest(run)

    first = asyncio.ensure_future(
        Runner(slow, {"documents.ingest": Handler(stuck)}).carry_out(owner.tenant.id, job_id)
    )
    await read_by.wait()
    await expire_lease(services, owner, job_id)
    await Runner(services, HANDLERS).carry_out(owner.tenant.id, job_id)
    ready = await read(owner, document_id)
    seq = (await found(owner, "holiday"))["index_seq"]
    may_store.set()
    await first
    assert await read(owner, document_id) == ready
    assert (await found(owner, "holiday"))["index_seq"] == seq
    assert len(await audited(services, owner, "document.ready")) == 1


async def test_a_job_of_an_earlier_version_stores_nothing(services: Services, owner: Person) -> None:
    """Put back by hand, it read the old file while the new one was uploaded."""
    collection_id = await make_collection(owner)
    document_id = (await ingested(services, owner, collection_id))["id"]
    await owner.client.post(f"/api/v1/documents/{document_id}/reprocess")
    early = await job_of(services, owner, document_id)
    await carry_out(services, owner, document_id)
    async with services.database.tenant(owner.tenant.id) as session:
        put_back = await job_repository.job(session, early)
        assert put_back is not None
        put_back.status = "queued"
        await job_repository.ensure_outbox(session, early)
    await expire_lease(services, owner, early)
    new = {"file": ("leave.md", b"# Annual leave\n\nThirty days for everybody.\n", "text/markdown")}
    assert (await owner.client.put(f"/api/v1/documents/{document_id}/content", files=new)).status_code == 202
    await Runner(services, HANDLERS).carry_out(owner.tenant.id, early)
    assert (await read(owner, document_id))["status"] == "queued"
    await carry_out(services, owner, document_id)
    assert (await read(owner, document_id))["status"] == "ready"
    assert "Thirty" in (await owner.client.get(f"/api/v1/documents/{document_id}/text")).json()["text"]


async def test_a_version_that_is_refused_leaves_nothing_of_the_one_before(
    services: Services, owner: Person
) -> None:
    collection_id = await make_collection(owner)
    document_id = (await ingested(services, owner, collection_id))["id"]
    assert (await found(owner, "holiday"))["passages"]
    await owner.client.put(
        f"/api/v1/documents/{document_id}/content", files={"file": ("leave.md", b" \n \n", "text/markdown")}
    )
    await carry_out(services, owner, document_id)
    refused = await read(owner, document_id)
    assert (refused["status"], refused["chunk_count"], refused["title"]) == ("rejected", 0, None)
    assert (await found(owner, "holiday"))["allowed"] == 0
    async with services.database.tenant(owner.tenant.id) as session:
        chunks = list(await session.scalars(select(ChunkRow)))
        assert chunks
        assert all(chunk.content_id is None and chunk.vector == b"" for chunk in chunks)
        row = await session.get_one(Document, (owner.tenant.id, UUID(str(document_id))))
        assert (row.text_id, row.layout_id, row.pages) == (None, None, [])
    again = {"file": ("leave.md", LEAVE, "text/markdown")}
    assert (
        await owner.client.put(f"/api/v1/documents/{document_id}/content", files=again)
    ).status_code == 202
    await carry_out(services, owner, document_id)
    assert (await found(owner, "holiday"))["passages"]


async def test_what_the_model_refuses_is_not_tried_again(services: Services, owner: Person) -> None:
    document_id = (await upload(owner, await make_collection(owner))).json()["id"]

    async def refused(run: JobRun) -> None:
        class Refusing:
            async def embed(self, texts, call):
                raise ModelError("invalid_request", "no such words")

            async def count_embedded(self, texts, call):
                return await services.models.count_embedded(texts, call)

        run.services = dataclasses.replace(run.services, models=Refusing())  # type: ignore[arg-type]
        await jobs.ingest(run)

    job_id = await job_of(services, owner, document_id)
    await Runner(services, {"documents.ingest": Handler(refused)}).carry_out(owner.tenant.id, job_id)
    rejected = await read(owner, document_id)
    assert (rejected["status"], rejected["problem"]["code"]) == ("rejected", "NOT_EMBEDDED")
    assert (await owner.client.get(f"/api/v1/jobs/{job_id}")).json()["status"] == "done"


async def test_no_original_lies_in_the_clear_while_it_is_read(services: Services, owner: Person) -> None:
    document_id = (await upload(owner, await make_collection(owner))).json()["id"]
    lying: list[Path] = []

    async def looking(run: JobRun) -> None:
        class Looking:
            async def embed(self, texts, call):
                files = [path for path in services.settings.home.rglob("*") if path.is_file()]
                lying.extend(path for path in files if LEAVE[:40] in path.read_bytes())
                return await services.models.embed(texts, call)

            async def count_embedded(self, texts, call):
                return await services.models.count_embedded(texts, call)

        run.services = dataclasses.replace(run.services, models=Looking())  # type: ignore[arg-type]
        await jobs.ingest(run)

    job_id = await job_of(services, owner, document_id)
    await Runner(services, {"documents.ingest": Handler(looking)}).carry_out(owner.tenant.id, job_id)
    assert (await read(owner, document_id))["status"] == "ready"
    assert lying == []


async def test_a_document_deleted_meanwhile_stays_deleted(services: Services, owner: Person) -> None:
    collection_id = await make_collection(owner)
    document_id = (await upload(owner, collection_id)).json()["id"]
    job_id = await job_of(services, owner, document_id)
    assert (await owner.client.delete(f"/api/v1/documents/{document_id}")).status_code == 204
    await Runner(services, HANDLERS).carry_out(owner.tenant.id, job_id)
    assert (await owner.client.get(f"/api/v1/documents/{document_id}")).status_code == 404
    assert (await found(owner, "holiday"))["passages"] == []


async def test_giving_up_says_so_and_a_retry_reads_it_in(services: Services, owner: Person) -> None:
    collection_id = await make_collection(owner)
    document_id = (await upload(owner, collection_id)).json()["id"]
    job_id = await job_of(services, owner, document_id)

    async def broken(_run: JobRun) -> None:
        raise RuntimeError("the disk is full")

    hopeless = impatient(services, job_attempts=1)
    runner = Runner(hopeless, {"documents.ingest": Handler(broken, jobs.on_quarantine)})
    for _ in range(2):
        await runner.carry_out(owner.tenant.id, job_id)
    rejected = await read(owner, document_id)
    assert (rejected["status"], rejected["problem"]["code"]) == ("rejected", "INGESTION_GAVE_UP")
    assert "disk" not in str(rejected)

    assert (await owner.client.post(f"/api/v1/jobs/{job_id}/retry")).status_code == 200
    await expire_lease(services, owner, job_id)
    await Runner(services, HANDLERS).carry_out(owner.tenant.id, job_id)
    mended = await read(owner, document_id)
    assert (mended["status"], mended["problem"]) == ("ready", None)


async def test_a_cancelled_job_stops_and_says_so(services: Services, owner: Person) -> None:
    collection_id = await make_collection(owner)
    document_id = (await upload(owner, collection_id)).json()["id"]
    job_id = await job_of(services, owner, document_id)
    assert (await owner.client.post(f"/api/v1/jobs/{job_id}/cancel")).status_code == 200
    await carry_out(services, owner, document_id)
    stopped = await read(owner, document_id)
    assert (stopped["status"], stopped["problem"]["code"]) == ("rejected", "INGESTION_CANCELLED")
    assert (await owner.client.get(f"/api/v1/jobs/{job_id}")).json()["status"] == "cancelled"


async def test_text_is_not_there_before_it_is_ready(owner: Person) -> None:
    collection_id = await make_collection(owner)
    document_id = (await upload(owner, collection_id)).json()["id"]
    answer = await owner.client.get(f"/api/v1/documents/{document_id}/text")
    assert (answer.status_code, answer.json()["code"]) == (409, "DOCUMENT_NOT_READY")


async def test_no_document_slips_into_a_collection_that_is_being_deleted(
    services: Services, owner: Person
) -> None:
    for _ in range(5):
        collection_id = await make_collection(owner, "Brief")
        added, deleted = await asyncio.gather(
            upload(owner, collection_id), owner.client.delete(f"/api/v1/collections/{collection_id}")
        )
        assert (added.status_code, deleted.status_code) in ((202, 409), (404, 204))
        if added.status_code == 202:
            await owner.client.delete(f"/api/v1/documents/{added.json()['id']}")
            assert (await owner.client.delete(f"/api/v1/collections/{collection_id}")).status_code == 204
