"""What is being read in anew is in nobody's ranking: not found, and not in the way of what is."""

from secretariat.platform.services import Services
from tests.platform.documents.steps import carry_out, found, ingested, make_collection
from tests.support.factories import Person


async def test_a_document_that_is_read_in_anew_takes_no_place_and_moves_no_score(
    services: Services, owner: Person
) -> None:
    collection_id = await make_collection(owner)
    for number in range(2):
        data = f"Note {number}: holiday is asked for in writing, {number + 2} weeks before.".encode()
        await ingested(services, owner, collection_id, data=data, name=f"{number}.md")
    before = await found(owner, "paid holiday in a year", limit=2)
    handbook = await ingested(services, owner, collection_id)
    present = await found(owner, "paid holiday in a year", limit=2)
    assert present["passages"][0]["document_id"] == handbook["id"]
    again = await owner.client.post(f"/api/v1/documents/{handbook['id']}/reprocess")
    assert again.status_code == 202, again.text
    meanwhile = await found(owner, "paid holiday in a year", limit=2)
    assert meanwhile["passages"] == before["passages"]
    assert (meanwhile["allowed"], meanwhile["denied"]) == (2, 0)
    await carry_out(services, owner, handbook["id"])
    assert (await found(owner, "paid holiday in a year", limit=2))["passages"] == present["passages"]
