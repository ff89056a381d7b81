"""The index tells those who manage it how far it is, and can be made anew without anyone noticing."""

import dataclasses
from pathlib import Path
from uuid import UUID

from fastapi import FastAPI

from secretariat.platform.documents import index_state
from secretariat.platform.indexes.views import IndexViews
from secretariat.platform.jobs.run import Handler
from secretariat.platform.jobs.runner import Runner
from secretariat.platform.services import Services
from tests.platform.documents.steps import audited, found, ingested, make_collection, upload
from tests.support.factories import Person, make_person

REBUILD = {index_state.REBUILD: Handler(index_state.carry_out)}


async def test_the_index_says_how_far_it_is(app: FastAPI, services: Services, owner: Person) -> None:
    empty = (await owner.client.get("/api/v1/index")).json()
    assert (empty["chunks"], empty["seq"], empty["dimensions"]) == (0, 0, None)
    collection_id = await make_collection(owner)
    await ingested(services, owner, collection_id)
    await upload(owner, collection_id, name="other.md")
    waiting = (await owner.client.get("/api/v1/index")).json()
    assert (waiting["documents"], waiting["backlog"]["queued"]) == (1, 1)
    assert waiting["view"]["behind"] == waiting["seq"] == waiting["chunks"] > 0
    await found(owner, "holiday")
    now = (await owner.client.get("/api/v1/index")).json()
    expected = {"seq": now["seq"], "behind": 0, "chunks": now["chunks"], "form": "exact"}
    assert now["view"] == expected
    assert now["dimensions"] == 64
    member = await make_person(app, services, owner.tenant, "member")
    assert (await member.client.get("/api/v1/index")).status_code == 403


async def test_an_index_made_anew_finds_the_same(services: Services, owner: Person, tmp_path: Path) -> None:
    document = await ingested(services, owner, await make_collection(owner))
    before = await found(owner, "paid holiday")
    asked = await owner.client.post("/api/v1/index/rebuild")
    assert asked.status_code == 202
    again = await owner.client.post("/api/v1/index/rebuild")
    assert (again.status_code, again.json()["code"]) == (409, "BEING_REBUILT")
    assert (await owner.client.get("/api/v1/index")).json()["rebuilding"] == asked.json()

    views = IndexViews(services.database, services.contents, tmp_path)
    worker = dataclasses.replace(services, indexes=views)
    await Runner(worker, REBUILD).carry_out(owner.tenant.id, UUID(asked.json()["job_id"]))
    (record,) = await audited(services, owner, "index.rebuilt")
    assert record["details"]["chunks"] == document["chunk_count"]
    (snapshot,) = await views.snapshots(owner.tenant.id)
    assert snapshot.seq == before["index_seq"]
    assert (await owner.client.get("/api/v1/index")).json()["rebuilding"] is None
    assert await found(owner, "paid holiday") == before
