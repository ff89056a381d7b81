"""Lists, counts and filters: in every order, and silent about what the reader may not see."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from secretariat.platform.services import Services
from secretariat.platform.tables.documents import Document
from tests.platform.documents.steps import audited, found, ingested, make_collection
from tests.support.factories import Person, make_person

NOTES = {
    "Beta.txt": ("de", date(2024, 5, 1), "upload"),
    "alpha.txt": ("en", date(2026, 5, 1), "mail"),
    "gamma 100%.txt": (None, None, "mail"),
}


async def library(services: Services, owner: Person) -> dict[str, str]:
    """Documents of known language, date and source, in the order of NOTES; their ids by name."""
    collection_id = await make_collection(owner)
    made = {}
    for length, (name, (language, dated, source)) in enumerate(NOTES.items(), 1):
        data = b"A note about paid holiday. " * length
        answer = await ingested(services, owner, collection_id, data=data, name=name, media_type="")
        made[name] = str(answer["id"])
        async with services.database.tenant(owner.tenant.id) as session:
            row = await session.get_one(Document, (owner.tenant.id, UUID(made[name])))
            row.language, row.dated, row.source = language, dated, source
    return made


async def names(person: Person, **asked: Any) -> list[str]:
    """All of a list, asked for one at a time."""
    listed: list[str] = []
    while True:
        page = (await person.client.get("/api/v1/documents", params=asked | {"limit": 1})).json()
        listed += [row["name"] for row in page["data"]]
        if not page["has_more"]:
            return listed
        asked["after"] = page["last_id"]


async def test_documents_are_listed_filtered_and_counted(
    app: FastAPI, services: Services, owner: Person
) -> None:
    made = await library(services, owner)
    beta, alpha, gamma = NOTES
    orders = {
        "newest": [gamma, alpha, beta],
        "oldest": [beta, alpha, gamma],
        "name": [alpha, beta, gamma],
        "dated": [alpha, beta, gamma],
        "size": [gamma, alpha, beta],
    }
    for order, expected in orders.items():
        assert await names(owner, sort=order) == expected, order
    assert await names(owner, language=["de", "fr"]) == [beta]
    assert await names(owner, source="mail", sort="name") == [alpha, gamma]
    assert await names(owner, since="2024-05-01", until="2025-01-01") == [beta]
    assert await names(owner, q="100%") == [gamma]
    assert await names(owner, q="_") == []
    assert await names(owner, media_type="application/pdf") == []

    where = {"languages": ["en"], "since": "2025-01-01"}
    passages = (await found(owner, "paid holiday", where=where, rephrasings=["vacation"]))["passages"]
    assert {one["document_id"] for one in passages} == {made[alpha]}
    only = (await found(owner, "paid holiday", document_ids=[made[beta]]))["passages"]
    assert {one["document_id"] for one in only} == {made[beta]}
    (first, second) = await audited(services, owner, "search")
    assert first["details"]["where"] == {"languages": ["en"], "since": "2025-01-01"}
    assert [one["role"] for one in first["content"]] == ["query", "rephrasing"]
    assert second["details"]["document_ids"] == [made[beta]]

    grants = f"/api/v1/documents/{made[gamma]}/grants"
    member = await make_person(app, services, owner.tenant, "member")
    await owner.client.post(grants, json={"principal": f"user:{member.id}", "effect": "deny"})
    whole = (await owner.client.get("/api/v1/documents/facets")).json()
    assert whole == {
        "statuses": [{"value": "ready", "count": 3}],
        "media_types": [{"value": "text/plain", "count": 3}],
        "languages": [{"value": value, "count": 1} for value in (None, "de", "en")],
        "sources": [{"value": "mail", "count": 2}, {"value": "upload", "count": 1}],
    }
    seen = (await member.client.get("/api/v1/documents/facets")).json()
    assert seen["sources"] == [{"value": "mail", "count": 1}, {"value": "upload", "count": 1}]
    assert None not in [one["value"] for one in seen["languages"]]
    assert await names(member, sort="name") == [alpha, beta]
    # An id of what may not be read is no place to go on from: it would tell where that stands.
    after = {"after": made[gamma], "sort": "size"}
    assert (await member.client.get("/api/v1/documents", params=after)).json()["data"] == []


async def test_a_passage_names_the_grant_that_the_explanation_names(
    app: FastAPI, services: Services, owner: Person
) -> None:
    member = await make_person(app, services, owner.tenant, "member")
    other = await make_person(app, services, owner.tenant, "member")
    document = await ingested(services, owner, await make_collection(owner, private=True))
    path = f"/api/v1/documents/{document['id']}"
    opened = await owner.client.post(f"{path}/grants", json={"principal": f"user:{member.id}"})
    assert {one["rule"] for one in (await found(member, "paid holiday"))["passages"]} == {opened.json()["id"]}

    access = (await owner.client.get(f"{path}/access")).json()
    assert access["readers"] == 2
    assert {one["id"] for one in access["data"]} == {str(owner.id), str(member.id)}
    asked = (await owner.client.get(f"{path}/access", params={"user_id": str(member.id)})).json()["data"]
    assert asked[0]["deciding"]["grant_id"] == opened.json()["id"]
    assert (asked[0]["verdict"], asked[0]["deciding"]["on"]) == ("allowed", "document")
    asked = (await owner.client.get(f"{path}/access", params={"user_id": str(other.id)})).json()["data"]
    assert [(one["verdict"], one["may_read"], one["paths"]) for one in asked] == [("no_grant", False, [])]
    unknown = await owner.client.get(f"{path}/access", params={"user_id": document["id"]})
    assert unknown.status_code == 404
    assert (await member.client.get(f"{path}/access")).status_code == 403


@pytest.mark.parametrize("where", [{"since": "soon"}, {"languages": "de"}, {"colour": "red"}])
async def test_a_filter_that_makes_no_sense_is_refused(owner: Person, where: dict[str, object]) -> None:
    answer = await owner.client.post("/api/v1/search", json={"query": "x", "where": where})
    assert answer.status_code == 422


async def test_a_search_may_ask_for_an_index_that_has_seen_its_writes(
    services: Services, owner: Person
) -> None:
    await ingested(services, owner, await make_collection(owner))
    seq = (await found(owner, "holiday"))["index_seq"]
    assert (await found(owner, "holiday", min_seq=seq))["passages"]
    ahead = await owner.client.post("/api/v1/search", json={"query": "holiday", "min_seq": seq + 1})
    assert (ahead.status_code, ahead.json()["code"]) == (409, "INDEX_BEHIND")
