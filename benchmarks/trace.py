"""A day of questions over shared documents, from a fixed seed: what a prefix cache is measured with.

Eight tenants; each conversation lays three documents, drawn by Zipf's law with exponent 1.1 over the Rho-Bank
documents, behind its tenant's instructions and asks four times. First prompts have 4,096 tokens, a turn follows
the one before by one to four times the mean distance between conversations, and its prompt holds the answers.

A cache is measured by its hit tokens per MB at equal hits: the `known` tokens of a trace were asked before and
could be found; the MB of a policy are the smallest budget, for pages, states and the running request's own, with
which it finds `ENOUGH` of them. At equal budgets the ratio of two policies says more about the budget than about
them: it has no limit where memory is scarce and is 1 where everything fits. The MB that a policy happens to hold
flatter one that forgets. How much memory the same hits take is what whoever sets the budget wants to know.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

DOCUMENTS = Path(__file__).parents[2] / "shared" / "data" / "rho_bank" / "documents.json"
TENANTS, CONVERSATIONS, TURNS, EXPONENT = 8, 96, 4, 1.1
PROMPT, SYSTEM, DOCUMENT, ANSWER, QUESTION = 4096, 256, 1200, 96, 64
ENOUGH = 0.8
_PAGE = 16


@dataclass(frozen=True, slots=True)
class Asked:
    """`boundaries`: where the system prompt, each document and each turn ends. `answer`: what it gets."""

    tenant: str
    prompt: tuple[int, ...]
    boundaries: tuple[int, ...]
    answer: tuple[int, ...]


def requests(documents: Sequence[Sequence[int]], *, seed: int = 11) -> list[Asked]:
    """Conversations begin at random times and their turns interleave; a turn comes after the one before it."""
    draw = np.random.default_rng(seed)
    weights = np.arange(1, len(documents) + 1) ** -EXPONENT
    order = draw.permutation(len(documents))
    timed: list[tuple[float, Asked]] = []
    for _ in range(CONVERSATIONS):
        tenant = int(draw.integers(TENANTS))
        chosen = order[draw.choice(len(documents), 3, replace=False, p=weights / weights.sum())]
        at = float(draw.uniform(0, CONVERSATIONS))
        for asked in _turns(tenant, [documents[i] for i in chosen], draw):
            timed.append((at, asked))
            at += float(draw.uniform(1, 4))
    return [asked for _, asked in sorted(timed, key=lambda pair: pair[0])]


def _turns(tenant: int, documents: list[Sequence[int]], draw: np.random.Generator) -> list[Asked]:
    prompt = list(np.random.default_rng(tenant).integers(100, 40000, SYSTEM))
    boundaries = [len(prompt)]
    for document in documents:
        prompt += [document[i % len(document)] for i in range(DOCUMENT)]
        boundaries.append(len(prompt))
    prompt += draw.integers(100, 40000, PROMPT - len(prompt)).tolist()
    turns = []
    for _ in range(TURNS):
        said = draw.integers(100, 40000, ANSWER + QUESTION).tolist()
        answer = tuple(said[:ANSWER])
        turns.append(Asked(f"tenant {tenant}", tuple(map(int, prompt)), tuple(boundaries), answer))
        boundaries.append(len(prompt))
        prompt += said
    return turns


def known(asked: Sequence[Asked]) -> int:
    """Tokens of prompts whose beginning, in whole pages, the same tenant had computed before."""
    seen = set[int]()
    found = 0
    for one in asked:
        path = list(_path(one))
        asking = path[: (len(one.prompt) - 1) // _PAGE]
        found += _PAGE * sum(page in seen for page in asking)
        seen.update(path)
    return found


def _path(asked: Asked) -> Iterator[int]:
    """A number for each whole page, which depends on all that comes before it."""
    tokens, number = asked.prompt + asked.answer, hash(asked.tenant)
    for end in range(_PAGE, len(tokens) + 1, _PAGE):
        number = hash((number, tokens[end - _PAGE : end]))
        yield number


def tokens_of(encode: Callable[[str], list[int]], path: Path = DOCUMENTS) -> list[list[int]]:
    """The documents' tokens, in the order of the file."""
    return [encode(document["content"]) for document in json.loads(path.read_text(encoding="utf-8"))]
