"""Passages to the text a model reads, inside a token budget. Knows no model: counting is given."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from secretariat.retrieval.core import Passage

CountTokens = Callable[[Sequence[str]], Awaitable[list[int]]]


@dataclass(frozen=True, slots=True)
class PromptContext:
    """`text` shows `passages` numbered from 1, in order; `tokens` is what they were counted at."""

    text: str
    passages: tuple[Passage, ...]
    tokens: int


def render(passage: Passage, number: int) -> str:
    """One passage: a line that says where it is from, then its text as it stands in the document."""
    chunk = passage.chunk
    where = " > ".join(dict.fromkeys((chunk.document_title, *chunk.heading_path)))
    page = f", page {chunk.page}" if chunk.page is not None else ""
    return f"[{number}] {where}{page}\n{chunk.text}"


async def pack(passages: Sequence[Passage], budget: int, count: CountTokens) -> PromptContext:
    """The best passages that fit into `budget` tokens together, whole and in the order given.

    One that doesn't fit is left out, and a shorter one after it may still come in. `count` is asked once.
    """
    costs = await count([render(passage, 100) + "\n\n" for passage in passages]) if passages else []
    chosen: list[Passage] = []
    used = 0
    for passage, cost in zip(passages, costs, strict=True):
        if used + cost <= budget:
            chosen.append(passage)
            used += cost
    text = "\n\n".join(render(passage, number) for number, passage in enumerate(chosen, 1))
    return PromptContext(text, tuple(chosen), used)
