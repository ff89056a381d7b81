"""A day of questions over shared documents, from a fixed seed: what a prefix cache is measured with.

Eight tenants; each conversation lays three documents, drawn by Zipf's law with exponent 1.1 over the Rho-Bank
documents, behind its tenant's instructions and asks four times. First prompts have 4,096 tokens.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

DOCUMENTS = Path(__file__).parents[2] / "shared" / "data" / "rho_bank" / "documents.json"
TENANTS, CONVERSATIONS, TURNS, EXPONENT = 8, 96, 4, 1.1
PROMPT, SYSTEM, DOCUMENT, ANSWER, QUESTION = 4096, 256, 1200, 96, 64


@dataclass(frozen=True, slots=True)
class Asked:
    """`boundaries`: where the system prompt, each document and each turn ends."""

    tenant: str
    prompt: tuple[int, ...]
    boundaries: tuple[int, ...]


def requests(documents: Sequence[Sequence[int]], *, seed: int = 11) -> list[Asked]:
    """Conversations begin at random times and their turns interleave."""
    draw = np.random.default_rng(seed)
    weights = np.arange(1, len(documents) + 1) ** -EXPONENT
    order = draw.permutation(len(documents))
    timed: list[tuple[float, Asked]] = []
    for _ in range(CONVERSATIONS):
        tenant = int(draw.integers(TENANTS))
        chosen = order[draw.choice(len(documents), 3, replace=False, p=weights / weights.sum())]
        begins = float(draw.uniform(0, CONVERSATIONS))
        for turn, asked in enumerate(_turns(tenant, [documents[i] for i in chosen], draw)):
            timed.append((begins + turn * float(draw.uniform(1, 4)), asked))
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
        turns.append(Asked(f"tenant {tenant}", tuple(map(int, prompt)), tuple(boundaries)))
        boundaries.append(len(prompt))
        prompt += draw.integers(100, 40000, ANSWER + QUESTION).tolist()
    return turns


def tokens_of(encode: Callable[[str], list[int]], path: Path = DOCUMENTS) -> list[list[int]]:
    """The documents' tokens, in the order of the file."""
    return [encode(document["content"]) for document in json.loads(path.read_text(encoding="utf-8"))]
