"""A search's answer says whether it answers, and gives the words around a passage where asked."""

import pytest

from secretariat.platform.services import Services
from tests.platform.documents.steps import audited, found, ingested, make_collection
from tests.support.factories import Person

RULES = "".join(
    f"{name} are issued by desk {desk}. A colleague from desk {desk} signs the form for {name.lower()}, keeps "
    f"a copy in folder {desk} of the registry, and writes to the head of the office within {desk} days. "
    for desk, name in enumerate(
        ("Passes", "Keys", "Vouchers", "Permits", "Uniforms", "Tablets", "Badges"), 11
    )
)


async def test_an_answer_is_told_from_what_is_merely_nearest(services: Services, owner: Person) -> None:
    await ingested(services, owner, await make_collection(owner))
    answered = await found(owner, "How many days of paid holiday has every employee in a year?")
    other = await found(owner, "the boiling point of tungsten")
    assert answered["passages"]
    assert other["passages"]
    assert 0 < other["confidence"] < answered["confidence"] < 1
    assert (other["found"], answered["found"]) == (False, True)
    nothing = await found(owner, "paid holiday", document_ids=[])
    assert (nothing["passages"], nothing["confidence"], nothing["found"]) == ([], 0, False)


async def test_the_words_around_a_passage_stand_where_it_says_and_are_on_record(
    services: Services, owner: Person
) -> None:
    document = await ingested(
        services, owner, await make_collection(owner), data=RULES.encode(), name="desks.txt", media_type=""
    )
    text = (await owner.client.get(f"/api/v1/documents/{document['id']}/text")).json()["text"]
    alone = (await found(owner, "vouchers"))["passages"]
    assert {passage["surroundings"] for passage in alone} == {None}
    widest = (await found(owner, "vouchers", neighbours=4))["passages"]
    assert len(widest) == len(alone) > 1
    for passage in widest:
        around = passage["surroundings"]
        assert around["start"] <= passage["start"] < passage["end"] <= around["end"]
        assert around["text"].split() == text[around["start"] : around["end"]].split()
        assert len(around["text"]) == around["end"] - around["start"] > passage["end"] - passage["start"]
    first, second = [one["details"]["returned"] for one in await audited(services, owner, "search")]
    assert [one["shown"] for one in first] == [[one["start"], one["end"]] for one in first]
    shown = [[one["surroundings"]["start"], one["surroundings"]["end"]] for one in widest]
    assert [one["shown"] for one in second] == shown


@pytest.mark.parametrize("neighbours", [-1, 5, "all"])
async def test_no_more_than_some_neighbours_are_given(owner: Person, neighbours: object) -> None:
    answer = await owner.client.post("/api/v1/search", json={"query": "x", "neighbours": neighbours})
    assert answer.status_code == 422
