"""The compiled network: what it computes against torch in float64, and that no bit depends on how work is cut."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from secretariat.models.kernels.library import library
from secretariat.models.kernels.processor import available
from secretariat.models.nets.batch import Run
from secretariat.models.nets.config import (
    AttentionSpec,
    DecoderConfig,
    LayerSpec,
    Mamba1Spec,
    Mamba2Spec,
    MlpSpec,
    MoeSpec,
    NormSpec,
    RopeSpec,
    RouterSpec,
)
from secretariat.models.nets.decoder import TorchNetwork
from secretariat.models.nets.memory import MemorySize
from secretariat.models.nets.native.builder import pack_weight
from secretariat.models.nets.native.layers import matrices
from secretariat.models.nets.native.network import NativeNetwork
from secretariat.models.nets.network import Commit
from secretariat.models.nets.weights import Values
from tests.models.nets.tiny import batch, feed, pages, random_decoder, random_tokens

WIDTH, VOCAB, NORM = 64, 97, NormSpec()
ATTENTION = AttentionSpec(heads=4, kv_heads=2, head_dim=16, rope=RopeSpec(1000.0, 16), window=21, sinks=2)
MAMBA1 = Mamba1Spec(inner=64, state=8, conv=4, dt_rank=32, norms="weighted")
MAMBA2 = Mamba2Spec(heads=4, head_dim=16, state=16, groups=2, conv=4)
MLP = MlpSpec(96)
MOE = MoeSpec(32, RouterSpec(experts=5, top=2, renormalise=1.0), shared_hidden=32, shared_gated=True)


def config(*layers: LayerSpec, tied: bool = False, **changes) -> DecoderConfig:
    return DecoderConfig(VOCAB, WIDTH, layers, NORM, 256, tied_embeddings=tied, **changes)


KINDS = {
    "llama": config(*[LayerSpec((ATTENTION,), MLP, NORM)] * 2, tied=True),
    "cohere": config(
        *[
            LayerSpec(
                (ATTENTION,),
                MlpSpec(96, "gelu", bias=True),
                NormSpec("layer"),
                order="parallel",
                residual=0.7,
            )
        ]
        * 2,
        embedding_scale=3.0,
        logits_scale=0.5,
        logits_cap=5.0,
    ),
    "mamba": config(*[LayerSpec((MAMBA1,), None, NORM)] * 2),
    "jamba": config(LayerSpec((MAMBA1,), MLP, NORM), LayerSpec((ATTENTION,), MOE, NORM)),
    "granite": config(
        LayerSpec((MAMBA2,), MOE, NORM, residual=0.5),
        LayerSpec((ATTENTION,), MlpSpec(96, "relu2", gated=False), NormSpec(one_plus=True)),
    ),
    "falcon": config(
        *[LayerSpec((ATTENTION, MAMBA2), MLP, NORM, mixer_scales=(0.5, 2.0), mixer_inputs=(1.5, 0.7))] * 2
    ),
}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
FORMS = pytest.mark.parametrize("form", ["float32", "bfloat16", "q8", "q4"])
OWN = pages(4, 1, 6)
SIZE = MemorySize(pages=16, slots=8, kv_dtype=torch.float32, held=8)


def weights_of(kind: str) -> dict[str, Values]:
    decoder = random_decoder(KINDS[kind], std=0.3)
    state = {name: Values(value.numpy()) for name, value in decoder.state_dict().items()}
    if KINDS[kind].tied_embeddings:
        state["head.weight"] = state["embedding.weight"]
    return state


def native(kind: str, *, form=None, threads: int = 2, isa: str | None = None, size=SIZE) -> NativeNetwork:
    made = library(isa)
    if made is None:
        pytest.skip("no C++ compiler: install g++ to test the compiled network")
    network = NativeNetwork(KINDS[kind], weights_of(kind), made, threads=threads, form=form, step_tokens=64)
    network.allocate(size)
    return network


def in_torch(kind: str) -> TorchNetwork:
    decoder = random_decoder(KINDS[kind], std=0.3)
    if KINDS[kind].tied_embeddings:
        decoder.head.weight = decoder.embedding.weight
    built = TorchNetwork(decoder.double())
    built.allocate(MemorySize(16, 8, torch.float64))
    return built


@EVERY_KIND
@pytest.mark.parametrize("isa", [isa.name for isa in available()])
def test_float32_is_torch_in_float64(kind, isa):
    tokens = random_tokens(40)
    ours = feed(native(kind, isa=isa), tokens, OWN, cuts=(9, 10, 30))
    theirs = feed(in_torch(kind), tokens, OWN)
    torch.testing.assert_close(ours, theirs, rtol=2e-3, atol=2e-3)
    assert (ours - theirs).norm() < 1e-4 * theirs.norm()


@pytest.mark.parametrize("kind", ["llama", "cohere", "mamba", "falcon"])  # experts flip where two are as good
@pytest.mark.parametrize(("form", "most"), [("bfloat16", 0.03), ("q8", 0.1)])
def test_smaller_forms_stay_near(kind, form, most):
    tokens = random_tokens(24)
    ours, theirs = feed(native(kind, form=form), tokens, OWN), feed(in_torch(kind), tokens, OWN)
    assert (ours - theirs).norm() < most * theirs.norm()


@EVERY_KIND
@FORMS
def test_no_bit_depends_on_cuts_threads_or_company(kind, form):
    tokens = random_tokens(40)
    whole = feed(native(kind, form=form), tokens, OWN)
    for cuts in ((1, 2, 3), (16, 17, 39), (33,)):
        assert torch.equal(feed(native(kind, form=form, threads=1), tokens, OWN, cuts=cuts), whole)
    network, rows, at = native(kind, form=form), [], 0
    other, theirs = random_tokens(64, 1), pages(0, 2, 3, 5)
    for index, (start, end) in enumerate(pairwise([0, 5, 6, 7, 20, 40])):
        mine = (Run(start, end - start, OWN, slot=3), tokens[start:end])
        beside = (Run(at, 7 - index, theirs, slot=2), other[at : at + 7 - index])
        work = [mine, beside] if index % 2 else [beside, mine]
        logits = network.forward(batch(*work))
        skipped = 0 if index % 2 else 7 - index
        rows.append(logits[skipped : skipped + end - start].clone())
        at += 7 - index
    assert torch.equal(torch.cat(rows), whole)


@EVERY_KIND
@pytest.mark.parametrize("form", ["float32", "q8"])
def test_accepted_drafts_leave_the_bits_of_a_plain_run(kind, form):
    tokens, drafts = random_tokens(14), random_tokens(6, 1)
    for accepted in (0, 1, 3, 6):
        held, plain = native(kind, form=form), native(kind, form=form)
        for network in (held, plain):
            feed(network, tokens, OWN)
        answers = feed(held, drafts, OWN, start=14, held=True)
        held.commit([Commit(1, accepted)])
        if accepted:
            assert torch.equal(feed(plain, drafts[:accepted], OWN, start=14), answers[:accepted])
        after = random_tokens(5, 2)
        ours, theirs = (feed(network, after, OWN, start=14 + accepted) for network in (held, plain))
        assert torch.equal(ours, theirs)


def test_logits_of_wanted_rows_alone():
    tokens = random_tokens(20)
    whole = feed(native("jamba", form="q4"), tokens, OWN)
    some = batch((Run(0, 20, OWN, slot=1), tokens))
    some = type(some)(some.tokens_N, some.runs, np.array([3, 19], np.int32))
    assert torch.equal(native("jamba", form="q4").forward(some), whole[[3, 19]])


@EVERY_KIND
def test_every_matrix_is_packed_when_the_network_is_made(kind):
    network = native(kind, form="q8")
    assert network._packed.keys() == set(matrices(KINDS[kind]))
    assert network.arithmetic.weights == "q8"
    assert (network.arithmetic.backend, network.arithmetic.threads, network.arithmetic.exact) == (
        "native",
        2,
        True,
    )


def test_more_pages_than_there_was_room_for():
    size = MemorySize(pages=6000, slots=8)
    network, tokens = native("llama", size=size), random_tokens(4)
    long = np.arange(6000, dtype=np.int32)
    expected = feed(native("llama"), tokens, OWN)
    assert torch.equal(feed(network, tokens, long), expected)
    work = [(Run(16 * 5000, 1, long[:5001], slot=1), [1]), (Run(0, 4, long[5990:], slot=2), tokens)]
    assert torch.equal(network.forward(batch(*work))[1:], expected)


def test_what_is_not_the_runs_own_is_refused():
    network = native("jamba")
    with pytest.raises(AssertionError, match="vocabulary"):
        feed(network, [VOCAB], OWN)
    with pytest.raises(AssertionError, match="vocabulary"):
        feed(network, [-1], OWN)
    with pytest.raises(AssertionError):
        feed(network, random_tokens(65), OWN)
    with pytest.raises(AssertionError, match="two runs of one state"):
        network.forward(batch((Run(0, 1, OWN, slot=1), [1]), (Run(0, 1, OWN, slot=1), [1])))
    with pytest.raises(AssertionError, match="past without"):
        feed(network, [1], OWN, start=3, slot=0)
    with pytest.raises(AssertionError):
        feed(network, [1], OWN, slot=9)
    feed(network, [1, 2], OWN, held=True)
    with pytest.raises(AssertionError, match="not held"):
        network.commit([Commit(1, 3)])


def test_what_is_exponentiated_keeps_8_bits():
    weights = {
        f"layers.0.mixers.0.{name}.weight": Values(np.ones((4, 32), np.float32))
        for name in ("x_proj", "in_proj")
    }
    assert pack_weight(weights, "layers.0.mixers.0.x_proj.weight", "q4").form == "q8"
    assert pack_weight(weights, "layers.0.mixers.0.in_proj.weight", "q4").form == "q4"
