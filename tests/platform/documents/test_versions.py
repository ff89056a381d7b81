"""A document that gets a new file, is read again or described anew stays the same document."""

from typing import Any

from fastapi import FastAPI

from secretariat.platform.services import Services
from tests.platform.documents.steps import (
    LEAVE,
    audited,
    carry_out,
    found,
    ingested,
    make_collection,
    upload,
)
from tests.support.factories import Person, make_person


def section(title: str) -> bytes:
    """Long enough to be a chunk of its own."""
    rules = " ".join(f"Rule {number} of {title} says what happens in case {number}." for number in range(18))
    return f"# {title}\n\n{rules}\n\n".encode()


async def chunks(person: Person, document_id: str) -> dict[str, str]:
    """Words by chunk."""
    page = await person.client.get(f"/api/v1/documents/{document_id}/chunks", params={"limit": 100})
    return {one["text"]: one["id"] for one in page.json()["data"]}


async def replaced(
    services: Services, person: Person, document_id: str, data: bytes, name: str
) -> dict[str, Any]:
    answer = await person.client.put(
        f"/api/v1/documents/{document_id}/content", files={"file": (name, data, "text/markdown")}
    )
    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "queued"
    assert (await found(person, "holiday"))["passages"] == []
    await carry_out(services, person, document_id)
    return dict((await person.client.get(f"/api/v1/documents/{document_id}")).json())


async def test_a_new_file_keeps_the_document_its_grants_and_what_it_still_says(
    app: FastAPI, services: Services, owner: Person
) -> None:
    member = await make_person(app, services, owner.tenant, "member")
    collection_id = await make_collection(owner, private=True)
    book = LEAVE + section("overtime") + section("travel")
    made = await ingested(services, owner, collection_id, data=book)
    path = f"/api/v1/documents/{made['id']}"
    await owner.client.post(f"{path}/grants", json={"principal": f"user:{member.id}"})
    before = await chunks(owner, made["id"])

    longer = book + b"# Sabbatical\n\n" + 30 * b"After ten years an unpaid sabbatical may be taken. "
    now = await replaced(services, owner, made["id"], longer, "leave-2.md")
    assert (now["id"], now["name"], now["status"]) == (made["id"], "leave-2.md", "ready")
    assert now["sha256"] != made["sha256"]
    assert (await found(member, "unpaid sabbatical"))["passages"][0]["document_id"] == made["id"]
    after = await chunks(owner, made["id"])
    kept = before.items() & after.items()
    assert len(kept) >= len(before) - 1 > 0
    assert (await owner.client.get(f"{path}/content")).content == longer

    report = (await owner.client.get(f"{path}/report")).json()
    assert (report["status"], report["bytes"], report["chunks"]) == ("ready", len(longer), len(after))
    assert report["reading"]["kept"] == len(kept)
    assert report["reading"]["added"] == len(after) - len(kept)
    assert report["reading"]["removed"] == len(before) - len(kept)
    assert report["characters"] == len((await owner.client.get(f"{path}/text")).json()["text"])
    (record,) = await audited(services, owner, "document.replaced")
    assert record["details"]["replaced_sha256"] == made["sha256"]

    elsewhere = await owner.client.put(
        f"{path}/content", files={"file": ("leave.pdf", b"no pdf", "application/pdf")}
    )
    assert elsewhere.status_code == 415
    assert (await owner.client.get(path)).json()["status"] == "ready"
    assert (await owner.client.put(f"{path}/content", files={})).status_code == 400


async def test_what_is_being_read_waits(services: Services, owner: Person) -> None:
    queued = (await upload(owner, await make_collection(owner))).json()
    path = f"/api/v1/documents/{queued['id']}"
    for answer in (
        await owner.client.put(f"{path}/content", files={"file": ("a.md", LEAVE, "text/markdown")}),
        await owner.client.post(f"{path}/reprocess"),
        await owner.client.patch(path, json={"title": "Leave"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "BEING_READ_IN")
    report = (await owner.client.get(f"{path}/report")).json()
    assert (report["status"], report["chunks"], report["reading"]["seconds"]) == ("queued", 0, None)


async def test_a_title_is_known_to_searches_at_once(services: Services, owner: Person) -> None:
    made = await ingested(services, owner, await make_collection(owner))
    path = f"/api/v1/documents/{made['id']}"
    assert (await found(owner, "holiday"))["passages"][0]["document"] == "Annual leave"
    kept = await chunks(owner, made["id"])
    change = {"title": "Holidays at Wegholm", "source": "intranet", "dated": "2026-01-31"}
    changed = (await owner.client.patch(path, json=change)).json()
    assert {name: changed[name] for name in change} == change
    passages = (await found(owner, "holiday", where={"sources": ["intranet"]}))["passages"]
    assert {one["document"] for one in passages} == {"Holidays at Wegholm"}
    assert (await found(owner, "Wegholm"))["passages"]
    assert await chunks(owner, made["id"]) == kept

    assert (await owner.client.patch(path, json={"dated": None})).json()["dated"] is None
    assert (await owner.client.patch(path, json={"source": "Not a name"})).status_code == 422
    assert (await owner.client.post(f"{path}/reprocess")).status_code == 202
    await carry_out(services, owner, made["id"])
    again = (await owner.client.get(path)).json()
    assert (again["status"], again["title"], again["source"]) == ("ready", "Annual leave", "intranet")
    assert await chunks(owner, made["id"]) == kept


async def test_near_duplicates_are_named_to_who_may_read_them(
    app: FastAPI, services: Services, owner: Person
) -> None:
    member = await make_person(app, services, owner.tenant, "member")
    shared = await make_collection(owner)
    private = await make_collection(owner, "Drafts", private=True)
    made = await ingested(services, owner, shared)
    draft = await ingested(
        services, owner, private, data=LEAVE.replace(b"# Annual leave\n", b""), name="draft.md"
    )
    path = f"/api/v1/documents/{made['id']}/report"
    (near,) = (await owner.client.get(path)).json()["near_duplicates"]
    assert near["document_id"] == draft["id"]
    assert 0 < near["share"] <= 1
    assert (await member.client.get(path)).json()["near_duplicates"] == []


async def test_a_reader_changes_no_document_that_somebody_else_brought_in(
    app: FastAPI, services: Services, owner: Person
) -> None:
    """Assistants quote it as it stands: one upset colleague must not swap the handbook."""
    member = await make_person(app, services, owner.tenant, "member")
    builder = await make_person(app, services, owner.tenant, "builder")
    collection_id = await make_collection(owner)
    of_owner, of_member = [
        (await ingested(services, person, collection_id, name=f"{name}.md"))["id"]
        for person, name in ((owner, "a"), (member, "b"))
    ]

    async def refused(person: Person, document_id: str) -> set[str]:
        path, file = f"/api/v1/documents/{document_id}", {"file": ("a.md", LEAVE, "text/markdown")}
        answers = [
            await person.client.put(f"{path}/content", files=file),
            await person.client.post(f"{path}/reprocess"),
            await person.client.patch(path, json={"title": "Mine"}),
            await person.client.delete(path),
        ]
        return {answer.json()["code"] for answer in answers if answer.status_code >= 400}

    assert await refused(member, of_owner) == {"NOT_YOUR_DOCUMENT"}
    assert (await member.client.get(f"/api/v1/documents/{of_owner}")).json()["created_by"] == str(owner.id)
    assert "NOT_YOUR_DOCUMENT" not in await refused(member, of_member)
    assert "NOT_YOUR_DOCUMENT" not in await refused(builder, of_owner)
