"""Which rows a permit opens, against the rule in one line for each document."""

import random
from uuid import UUID, uuid4

import pytest

from secretariat.retrieval.core import Chunk, Permit, Span
from secretariat.retrieval.index.roster import Roster, Within
from tests.retrieval.chunks import GRANT


class TestRoster:
    """Against the rule in one line for each document, whatever came and went."""

    @pytest.mark.parametrize("seed", range(20))
    def test_reach_is_the_rule(self, seed: int) -> None:
        choose = random.Random(seed)
        homes = {uuid4(): uuid4() for _ in range(3)} | {uuid4(): uuid4() for _ in range(3)}
        collections = list(homes.values())
        homes |= {uuid4(): choose.choice(collections) for _ in range(20)}
        roster, rows = Roster(), dict[int, UUID]()
        for row in range(0, 120, 2):  # a gap after each row: numbers are not used again
            document = choose.choice(list(homes))
            roster.add(row, [_placed(document, homes[document])])
            rows[row] = document
        for row in choose.sample(sorted(rows), 30):
            roster.remove([row])
            del rows[row]
        for _ in range(20):
            permit = Permit(
                dict.fromkeys(choose.sample(collections, 2), GRANT),
                dict.fromkeys(choose.sample(list(homes), 5), GRANT),
                frozenset(choose.sample(collections, 1)),
                frozenset(choose.sample(list(homes), 2)),
                frozenset(choose.sample(list(homes), 2)),
            )
            asked = frozenset(choose.sample(collections, 3)) if choose.random() < 0.5 else None
            only = frozenset(choose.sample(list(homes), 9)) if choose.random() < 0.5 else None
            reach = roster.reach(permit, Within(asked, only))
            there = {d for d in rows.values() if d not in permit.unready}
            about = {d for d in there if asked is None or homes[d] in asked}
            open_ = {d for d in about if permit.rule(d, homes[d])}
            reached = {d for d in open_ if only is None or d in only}
            assert {row for row, flag in enumerate(reach.mask) if flag} == {
                row for row, document in rows.items() if document in reached
            }
            assert (reach.allowed, reach.denied) == (len(reached), len(about - open_))
            assert roster.reach(permit, Within(asked, only)) is reach


def _placed(document: UUID, collection: UUID) -> Chunk:
    return Chunk(uuid4(), collection, document, "title", 0, Span(0, 0), "", (), "", b"", 1)
