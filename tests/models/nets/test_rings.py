"""Windowed attentions keep what they see in the slot: every bit is that of a network that keeps everything."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from secretariat.models.engine.snapshots import SnapshotPool
from secretariat.models.kernels.library import library
from secretariat.models.nets.batch import Run
from secretariat.models.nets.config import DecoderConfig, LayerSpec
from secretariat.models.nets.decoder import TorchNetwork
from secretariat.models.nets.memory import Memory, MemorySize
from secretariat.models.nets.native.network import NativeNetwork
from secretariat.models.nets.network import Commit, Network
from secretariat.models.nets.state import Ring
from secretariat.models.nets.weights import Values
from tests.models.nets.tiny import (
    ATTENTION,
    MAMBA1,
    MAMBA2,
    MLP,
    NORM,
    assert_close,
    batch,
    config,
    feed,
    pages,
    random_decoder,
    random_tokens,
)

SEEING = (replace(ATTENTION, window=21, sinks=18), replace(ATTENTION, window=9))
WINDOWED = config(
    LayerSpec((SEEING[0], MAMBA2), MLP, NORM),
    LayerSpec((ATTENTION,), MLP, NORM),
    LayerSpec((SEEING[1], MAMBA1), MLP, NORM),
)
RUN, HELD, LENGTH = 24, 8, 230
OWN = pages(*range(15, 0, -1))
SIZE = MemorySize(pages=16, slots=3, held=HELD)


def native() -> Network:
    made = library()
    if made is None:
        pytest.skip("no C++ compiler: install g++ to test the compiled network")
    state = random_decoder(WINDOWED, std=0.3).state_dict()
    weights = {name: Values(value.numpy()) for name, value in state.items()}
    return NativeNetwork(WINDOWED, weights, made, threads=1, step_tokens=RUN)


def in_torch() -> Network:
    return TorchNetwork(random_decoder(WINDOWED, std=0.3).double(), step_tokens=RUN)


def ready(network: Network, dtype: torch.dtype = torch.float32) -> Network:
    """Among what others left behind."""
    network.allocate(MemorySize(SIZE.pages, SIZE.slots, dtype, HELD))
    memory = network.memory
    for pool in (*memory.keys, *memory.values, *memory.conv, *memory.recurrent):
        pool.fill_(torch.nan)
    return network


def told(network: Network) -> torch.Tensor:
    """Logits of pieces, single tokens, and drafts of which some are true, far beyond every window."""
    tokens, rows, at = random_tokens(LENGTH), [], 0
    for turn, count in enumerate([RUN, 5, 1, 1, RUN, HELD, 3, HELD, 1, RUN - 1] * 3):
        held = count == HELD
        drafts = (
            [*tokens[at : at + 3], *random_tokens(HELD, turn)][:HELD] if held else tokens[at : at + count]
        )
        true = 3 if held else count
        rows.append(feed(network, drafts, OWN, start=at, slot=2, held=held)[:true])
        if held:
            network.commit([Commit(2, true)])
        at += true
        if at + RUN > LENGTH:
            break
    return torch.cat(rows)


@pytest.fixture
def everything(monkeypatch):
    """The same network with its windowed attentions' past in pages."""

    def made(make, **options):
        with monkeypatch.context() as patch:
            patch.setattr(DecoderConfig, "is_local", lambda _self, _spec: False)
            network = ready(make(), **options)
            assert network.memory.ring is None
            return told(network)

    return made


def test_no_bit_differs_from_keeping_everything(everything):
    network = ready(native())
    assert network.memory.ring is not None
    assert network.memory.ring.pages * 16 < LENGTH / 2
    ours = told(network)
    assert torch.equal(ours, everything(native))
    assert torch.equal(told(ready(native(), torch.bfloat16)), everything(native, dtype=torch.bfloat16))
    assert_close(told(ready(in_torch(), torch.float64)), everything(in_torch, dtype=torch.float64))
    theirs = everything(in_torch, dtype=torch.float64)
    assert (ours - theirs).norm() < 1e-4 * theirs.norm()


def test_sequences_beside_each_other_see_their_own(everything):
    alone, network = told(ready(native())), ready(native())
    tokens, other, rows = random_tokens(LENGTH), random_tokens(LENGTH, 1), []
    for start, end in pairwise(range(0, len(alone), 11)):
        mine = (Run(start, end - start, OWN, slot=1), tokens[start:end])
        beside = (Run(start, end - start, OWN, slot=3), other[start:end])
        rows.append(network.forward(batch(beside, mine))[end - start :].clone())
    together = torch.cat(rows)
    assert torch.equal(together, alone[: len(together)])


@pytest.mark.parametrize("tokens", [3, 16, 40, 101, 112])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_state_goes_on_in_another_slot(tokens, dtype):
    """Behind drafts that were refused, into a slot that somebody left."""
    network, row = ready(native(), dtype), random_tokens(150)
    cuts = range(RUN, tokens, RUN)
    feed(network, row[:tokens], OWN, cuts=cuts, slot=1)
    feed(network, random_tokens(HELD, 7), OWN, start=tokens, slot=1, held=True)
    pool = SnapshotPool(network.memory, "float32")
    number = pool.save(1, tokens)
    assert pool.bytes == pool.size() == Memory.snapshot_bytes(WINDOWED, dtype)
    expected = feed(network, row[tokens : tokens + 20], OWN, start=tokens, slot=1)
    feed(network, random_tokens(20, 9), OWN, slot=1)
    feed(network, row[:tokens], OWN, cuts=cuts, slot=1)  # the pages again
    pool.load(number, 3)
    assert torch.equal(feed(network, row[tokens : tokens + 20], OWN, start=tokens, slot=3), expected)


def test_what_is_kept_holds_nothing_of_the_slots_earlier_holder():
    network = native()
    network.allocate(MemorySize(SIZE.pages, SIZE.slots, torch.float32, HELD))
    for pool in (*network.memory.keys, *network.memory.values):
        pool.fill_(777.0)
    feed(network, random_tokens(21), OWN, slot=1)
    assert all((part != 777.0).all() for part in network.memory.window(1, 21))


def test_a_window_needs_a_slot():
    for network in (ready(native()), ready(in_torch(), torch.float64)):
        with pytest.raises(AssertionError, match="window without a slot"):
            feed(network, [1, 2], OWN, slot=0)


@pytest.mark.parametrize(
    ("window", "fixed", "run"), [(1, 0, 1), (21, 2, 24), (16, 1, 16), (100, 1, 32), (9, 0, 7)]
)
def test_nothing_is_written_over_that_a_token_to_come_sees(window, fixed, run):
    """Behind a run of any place its first token sees all it should, and so does the one that takes its place."""
    ring = Ring(window, fixed, -(-(window - 1 + run) // 16))
    places = ring.places(np.arange(50, dtype=np.int32)).tolist()
    held: dict[tuple[int, int], int] = {}
    for start in range(500):
        for position in range(start, start + run):
            held[places[position // 16], position % 16] = position
        for seen in (*range(min(16 * fixed, start)), *range(max(0, start - window + 1), start + 1)):
            assert held[places[seen // 16], seen % 16] == seen


def test_a_snapshot_keeps_all_that_is_seen():
    ring = Ring(window=21, fixed=1, turning=3)
    for tokens in range(1, 300):
        kept = [place for part in ring.seen(tokens) for place in range(part.start, part.stop)]
        needed = {p // 16 for p in (*range(min(16, tokens)), *range(max(0, tokens - 20), tokens))}
        assert {int(place) for place in ring.places(np.array(sorted(needed)))} <= set(kept)
        assert len(kept) == len(set(kept)) <= ring.kept
