"""Every family equals transformers' one full forward pass on the same files, however a prompt is cut."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch

from secretariat.models.kernels.library import library
from secretariat.models.nets.batch import Run, StepBatch
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.nets.load import Backend, build_network
from secretariat.models.nets.memory import MemorySize
from secretariat.models.nets.network import Network
from tests.models.nets.families import NAMES, VOCAB, Family, family

PROMPT = Random(5).choices(range(VOCAB), k=37)
SPLITS = list(combinations(range(1, len(PROMPT)), 2))  # 630 ways to cut it into three
ALL_SPLITS = {"llama", "jamba", "granite"}  # one for each kind of mixer
AT_ONCE = 30  # sequences in one step
PAGES = 3  # that a prompt takes
BACKENDS = [
    "torch",
    pytest.param("native", marks=pytest.mark.skipif(library() is None, reason="no compiler")),
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("families")


@cache
def network(directory: Path, backend: Backend) -> Network:
    made = build_network(
        open_checkpoint(directory),
        backend=backend,
        form="float32",
        threads=2,
        step_tokens=AT_ONCE * len(PROMPT),
    )
    made.allocate(MemorySize(pages=1 + AT_ONCE * PAGES, slots=AT_ONCE))
    return made


@pytest.fixture(params=BACKENDS)
def backend(request):
    return request.param


@pytest.fixture(params=NAMES)
def pair(request: pytest.FixtureRequest, folder: Path, backend: Backend) -> tuple[Network, Family]:
    made = family(request.param, folder)
    return network(made.directory, backend), made


def sequence(number: int, start: int, count: int) -> Run:
    """Tokens of the `number`-th sequence, whose pages lie scattered and backwards."""
    pages = 1 + AT_ONCE * np.arange(PAGES, dtype=np.int32)[::-1] + number
    return Run(start, count, pages, slot=number + 1)


def step(network: Network, work: Sequence[tuple[Run, Sequence[int]]]) -> Iterator[torch.Tensor]:
    """Logits [count, vocab] of each run; `work` holds the whole text of each."""
    tokens = [token for run, text in work for token in text[run.start : run.end]]
    batch = StepBatch(
        np.array(tokens, np.int32), tuple(run for run, _ in work), np.arange(len(tokens), dtype=np.int32)
    )
    logits = network.forward(batch).clone()
    return iter(logits.split([run.count for run, _ in work]))


def assert_close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() <= 1e-4 * theirs.abs().max()


def test_the_whole_prompt_at_once(pair):
    ours, made = pair
    assert_close(next(step(ours, [(sequence(0, 0, len(PROMPT)), PROMPT)])), made.theirs(PROMPT))


def test_any_cut_into_three_pieces(pair):
    ours, made = pair
    theirs = made.theirs(PROMPT)
    splits = SPLITS if made.directory.name in ALL_SPLITS else Random(3).sample(SPLITS, 20)
    for together in (splits[at : at + AT_ONCE] for at in range(0, len(splits), AT_ONCE)):
        edges = [(0, *cuts, len(PROMPT)) for cuts in together]
        pieces: list[list[torch.Tensor]] = [[] for _ in together]
        for turn in range(3):
            runs = [sequence(n, at[turn], at[turn + 1] - at[turn]) for n, at in enumerate(edges)]
            for kept, logits in zip(pieces, step(ours, [(run, PROMPT) for run in runs]), strict=True):
                kept.append(logits)
        for kept in pieces:
            assert_close(torch.cat(kept), theirs)


def test_token_by_token(pair):
    ours, made = pair
    rows = [next(step(ours, [(sequence(4, at, 1), PROMPT)])) for at in range(len(PROMPT))]
    assert_close(torch.cat(rows), made.theirs(PROMPT))


def test_sequences_of_any_length_and_phase_in_one_step(pair):
    ours, made = pair
    texts = [PROMPT[::-1][:length] for length in (1, 37, 18, 30, 16, 2)]
    pasts = [0, 36, 0, 11, 15, 1]
    for number, (text, past) in enumerate(zip(texts, pasts, strict=True)):
        if past:
            list(step(ours, [(sequence(number, 0, past), text)]))
    work = [
        (sequence(number, past, len(text) - past), text)
        for number, (text, past) in enumerate(zip(texts, pasts, strict=True))
    ]
    for (run, text), logits in zip(work, step(ours, work), strict=True):
        assert_close(logits, made.theirs(text)[run.start :])
