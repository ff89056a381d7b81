"""Passages to a prompt: numbered, whole, inside the budget."""

from collections.abc import Sequence

from secretariat.retrieval.context import pack, render
from secretariat.retrieval.core import Passage
from tests.retrieval.chunks import chunks
from tests.retrieval.embedders import HashingEmbedder


async def _passages() -> list[Passage]:
    texts = [("A", "one two three"), ("B", "word " * 50), ("C", "four five")]
    return [Passage(chunk, 1.0, 1, None, 0.5) for chunk in await chunks(HashingEmbedder(), texts)]


async def _count(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


async def test_what_fits_is_taken_in_order_and_numbered() -> None:
    passages = await _passages()
    context = await pack(passages, 12, _count)
    assert context.passages == (passages[0], passages[2])
    assert context.text == "[1] A\none two three\n\n[2] C\nfour five"
    assert len(context.text.split()) <= context.tokens <= 12


async def test_nothing_fits_or_nothing_is_there() -> None:
    assert (await pack(await _passages(), 2, _count)).text == ""
    assert (await pack([], 100, _count)).passages == ()


async def test_a_passage_says_where_it_is_from() -> None:
    from dataclasses import replace

    passage = (await _passages())[0]
    placed = replace(passage, chunk=replace(passage.chunk, heading_path=("A", "Hotels"), page=3))
    assert render(placed, 4) == "[4] A > Hotels, page 3\none two three"
