"""Of many tools those are offered that a request speaks of, by the embedder that is served."""

import pytest

from secretariat.models.core import CallContext
from secretariat.retrieval.tools import ToolCard, clauses, for_a_call, for_a_plan
from tests.retrieval.embedders import MINILM, EncoderHere

pytestmark = pytest.mark.skipif(
    not (MINILM / "model.safetensors").is_file(), reason="no all-minilm-l6-v2: make weights fetches it"
)
CALL = CallContext("tests", "tools")
CARDS = [
    ToolCard("translateText", "Puts a text into another language.", ("text", "language")),
    ToolCard("find_parcel", "tells where a parcel is", ("number",)),
    ToolCard("redirect_parcel", "sends a parcel to another address", ("parcel", "address")),
    ToolCard("book_table", "reserves a table in a restaurant", ("people", "time")),
    ToolCard("water_lawn", "waters the lawn", ("minutes",)),
    ToolCard("sort_numbers", "puts numbers in order", ("numbers",)),
]


@pytest.fixture(scope="module")
def embedder() -> EncoderHere:
    return EncoderHere()


async def test_a_call_is_offered_the_tool_that_does_it_and_nothing_far_from_it(embedder: EncoderHere):
    places = await for_a_call("What is 'good morning' in Spanish? Translate it.", CARDS, embedder, CALL)
    assert [CARDS[place].name for place in places] == ["translateText"]


async def test_where_no_tool_fits_none_is_offered(embedder: EncoderHere):
    assert await for_a_call("Who painted the Mona Lisa?", CARDS, embedder, CALL) == []
    assert await for_a_call("Who painted the Mona Lisa?", [], embedder, CALL) == []


async def test_a_plan_is_offered_tools_in_the_order_of_its_clauses(embedder: EncoderHere):
    asked = "Book us a table for six people at eight, and then water the lawn for ten minutes."
    names = [CARDS[place].name for place in await for_a_plan(asked, CARDS, embedder, CALL)]
    assert names.index("book_table") < names.index("water_lawn")
    assert len(set(names)) == len(names)


async def test_what_a_tool_takes_is_given_by_one_before_it(embedder: EncoderHere):
    """Nothing in the request speaks of finding a parcel."""
    many = [*CARDS[::-1], *(ToolCard(f"mend_{thing}", f"mends a {thing}", (thing,)) for thing in THINGS)]
    asked = "It should be sent to another address: 4 Mill Lane."
    names = [many[place].name for place in await for_a_plan(asked, many, embedder, CALL)]
    assert names.index("find_parcel") < names.index("redirect_parcel")
    assert len(names) < len(many)
    assert await for_a_plan(asked, [], embedder, CALL) == []


THINGS = ("chair", "shoe", "fence", "clock", "roof", "kite", "coat", "lamp")


def test_a_request_falls_into_its_clauses():
    assert clauses("Find the van, repair it and then lend it to Ann. Also: is it clean?") == [
        "Find the van", "repair it", "lend it to Ann", "is it clean",
    ]  # fmt: skip
    assert clauses("Hi") == ["Hi"]


def test_a_tool_gives_what_its_line_speaks_of_unless_it_takes_that_itself():
    assert ToolCard("find_parcel", "", ("number",)).gives("parcels")
    assert not ToolCard("send_parcel", "sends a parcel", ("parcel",)).gives("parcel")
    assert not ToolCard("find_parcel", "", ("number",)).gives("parcel_weight")
