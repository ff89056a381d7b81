"""What is kept from a reader shows in nothing that the reader is told: no count, no score, no list, no place."""

from typing import Any

from fastapi import FastAPI

from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from tests.platform.documents.steps import LEAVE, audited, found, ingested, make_collection
from tests.support.factories import Person, make_person

ASKED = ("paid holiday in a year", "merger with Globex", "leave", "carried over", "nothing of the kind")
MERGER = b"# Annual leave\n\nThe merger with Globex is planned for March. Paid holiday goes on as before.\n"


async def told(reader: Person, document_id: str, collection_id: str) -> dict[str, Any]:
    """All that a reader can ask about documents in general, and about those that may be read."""
    answers: dict[str, Any] = {}
    for path in ("documents", "documents/facets", "collections", f"documents/{document_id}/report"):
        answers[path] = (await reader.client.get(f"/api/v1/{path}")).json()
    for params in ({"sort": "size"}, {"q": "merger"}, {"language": ["en"]}, {"collection_id": collection_id}):
        answers[f"list {params}"] = (await reader.client.get("/api/v1/documents", params=params)).json()
    for narrowed in (
        {},
        {"collection_ids": [collection_id]},
        {"where": {"media_types": ["text/markdown"]}},
        {"document_ids": [document_id]},
    ):
        for query in ASKED:
            answers[f"{query} in {narrowed}"] = await found(reader, query, limit=50, **narrowed)
    return answers


async def test_what_may_not_be_read_changes_nothing_that_is_told(
    app: FastAPI, services: Services, owner: Person
) -> None:
    reader = await make_person(app, services, owner.tenant, "member")
    shared = await make_collection(owner, "Shared")
    shown = await ingested(services, owner, shared)
    await ingested(services, owner, shared, data=b"Leave is asked for in writing.", name="asked.md")
    before = await told(reader, shown["id"], shared)
    assert before[f"{ASKED[0]} in {{}}"]["passages"]

    private = await make_collection(owner, "Merger", private=True)
    hidden = [
        await ingested(services, owner, private, data=data, name=f"merger {number}.md")
        for number, data in enumerate((MERGER, LEAVE, LEAVE + MERGER))
    ]
    closed = await ingested(services, owner, shared, data=MERGER * 3, name="merger.md")
    deny = {"principal": f"user:{reader.id}", "effect": "deny"}
    await owner.client.post(f"/api/v1/documents/{closed['id']}/grants", json=deny)

    assert await told(reader, shown["id"], shared) == before
    for secret, unknown in ((private, "collection_ids"), (hidden[0]["id"], "document_ids")):
        asked, never = [await found(reader, "merger", **{unknown: [one]}) for one in (secret, str(new_id()))]
        assert asked == never
    records = [record["details"] for record in await audited(services, owner, "search")]
    everything = [details for details in records if details["collection_ids"] is None]
    assert {details["denied"] for details in everything} == {0, 4}
    managed = await found(owner, "merger")
    assert (managed["allowed"], managed["denied"]) == (6, 0)
    assert {passage["document_id"] for passage in managed["passages"]} >= {closed["id"], hidden[0]["id"]}
