"""The decoder as a network: the same logits however a sequence is cut into steps and whoever shares them."""

import math
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from secretariat.models.nets.adapters import AdapterPlan, Lora, LowRank
from secretariat.models.nets.batch import Run, StepBatch
from secretariat.models.nets.config import LayerSpec, NormSpec
from secretariat.models.nets.decoder import Decoder, TorchNetwork
from secretariat.models.nets.memory import MemorySize
from secretariat.models.nets.mixers.step import Step
from secretariat.models.nets.norm import Norm
from tests.models.nets.tiny import (
    ATTENTION,
    KINDS,
    MAMBA2,
    MLP,
    MOE,
    NORM,
    assert_close,
    batch,
    config,
    feed,
    first_layer,
    network,
    pages,
    random_decoder,
    random_tokens,
)

EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


@cache
def used(kind):
    return network(kind)


@EVERY_KIND
@given(cuts=st.lists(st.integers(1, 39), max_size=6, unique=True).map(sorted), seed=st.integers(0, 99))
@settings(max_examples=12, deadline=None)
def test_any_cutting_into_chunks_gives_the_same_logits(kind, cuts, seed):
    tokens = random_tokens(40, seed)
    whole = feed(used(kind), tokens, pages(5, 2, 9))
    pieces = feed(used(kind), tokens, pages(0, 15, 4), cuts=cuts, slot=3)
    assert_close(pieces, whole)


@EVERY_KIND
def test_token_by_token_is_the_whole(kind):
    """Long enough for two stretches of every chunked recurrence."""
    net, tokens = used(kind), random_tokens(70, 1)
    own = pages(1, 3, 5, 7, 9)
    each = feed(net, tokens, own, cuts=range(1, 70))
    assert_close(each, feed(net, tokens, own))


@EVERY_KIND
def test_sequences_in_one_step_do_not_disturb_each_other(kind):
    """Two decoding sequences of unlike length, two fresh and two continued ones, among what others left behind."""
    pasts, news = [9, 30, 0, 0, 12, 16], [1, 1, 6, 5, 5, 2]
    rows = [
        random_tokens(past + new, index) for index, (past, new) in enumerate(zip(pasts, news, strict=True))
    ]
    net = network(kind)
    for tensor in (*net.memory.keys, *net.memory.values, *net.memory.conv, *net.memory.recurrent):
        tensor.fill_(torch.nan)
    own = [pages(2 * index + 1, 2 * index) for index in range(6)]
    for slot, (row, past) in enumerate(zip(rows, pasts, strict=True), start=1):
        if past:
            feed(net, row[:past], own[slot - 1], slot=slot)
    work = [
        (Run(past, new, own[index], slot=index + 1), row[past:])
        for index, (row, past, new) in enumerate(zip(rows, pasts, news, strict=True))
    ]
    together = net.forward(batch(*work)).split(news)
    for row, new, logits in zip(rows, news, together, strict=True):
        alone = feed(used(kind), row, pages(3, 4, 5))
        assert_close(logits, alone[-new:])


@EVERY_KIND
def test_a_slot_and_pages_used_before_are_as_new(kind):
    net, tokens = network(kind), random_tokens(20, 2)
    first = feed(net, tokens, pages(1, 2))
    feed(net, random_tokens(30, 3), pages(2, 1))
    assert torch.equal(feed(net, tokens, pages(1, 2)), first)


@EVERY_KIND
def test_only_the_logits_asked_for_come(kind):
    net, tokens = used(kind), random_tokens(12, 4)
    every = feed(net, tokens, pages(1))
    full = batch((Run(0, 12, pages(1), slot=1), tokens))
    some = net.forward(StepBatch(full.tokens_N, full.runs, pages(3, 11)))
    torch.testing.assert_close(some, every[[3, 11]])
    none = net.forward(StepBatch(full.tokens_N, full.runs, pages()))
    assert none.shape == (0, every.shape[1])
    assert some.dtype == torch.float32


@EVERY_KIND
def test_a_decoder_is_built_without_memory_and_filled_by_name(kind):
    given = random_decoder(KINDS[kind])
    with torch.device("meta"):
        empty = Decoder(KINDS[kind])
    assert all(parameter.is_meta for parameter in empty.parameters())
    empty.load_state_dict(given.state_dict(), assign=True)
    nets = [TorchNetwork(decoder) for decoder in (given, empty)]
    for net in nets:
        net.allocate(MemorySize(pages=2, slots=1))
    tokens = random_tokens(20)
    assert torch.equal(*(feed(net, tokens, pages(1, 0)) for net in nets))


@EVERY_KIND
def test_bfloat16_weights_stay_near(kind):
    """Rounding weights and activations to 8 bits moves logits by a few parts in a hundred."""
    decoder = random_decoder(KINDS[kind], std=0.15)
    tokens, rows = random_tokens(40), []
    for dtype in (torch.float32, torch.bfloat16):
        net = TorchNetwork(decoder.to(dtype))
        net.allocate(MemorySize(pages=3, slots=1, kv_dtype=dtype))
        rows.append(feed(net, tokens, pages(0, 1, 2), cuts=(17,)))
        assert net.arithmetic.weights == str(dtype).removeprefix("torch.")
        assert not net.arithmetic.exact
    wide, narrow = rows
    assert (wide - narrow).norm() < 0.03 * wide.norm()


@pytest.mark.parametrize("kind", ["attention", "mamba1", "mamba2", "falcon"])
def test_a_step_stays_on_the_device_of_the_network(kind):
    """The meta device computes shapes alone, and like any other refuses tensors of the CPU."""
    net = TorchNetwork(random_decoder(KINDS[kind]).to("meta"))
    net.allocate(MemorySize(pages=8, slots=3))
    held = Run(3, 4, pages(2), slot=2, held=True)
    runs = (Run(0, 9, pages(1), slot=1), held, Run(20, 1, pages(3, 4), slot=3))
    step = Step.of(batch(*[(run, [1] * run.count) for run in runs]), net.memory)
    assert net.decoder(step).is_meta
    for part in step.held:
        part.advance(part.inputs_BTU, part.group, net.memory)


def test_parameters_have_the_names_that_every_backend_shares():
    shape = config(
        LayerSpec((ATTENTION, MAMBA2), MOE, NORM),
        LayerSpec((ATTENTION,), MLP, NORM, order="parallel"),
        LayerSpec((MAMBA2,), None, NORM),
        LayerSpec((), MLP, NORM),
    )
    names = set(Decoder(shape).state_dict())
    mamba2 = ("in_proj.weight", "conv.weight", "conv.bias", "dt_bias", "A_log", "D", "norm.weight")
    assert names == {
        *("embedding.weight", "head.weight", "norm.weight"),
        *(f"layers.{layer}.norm.weight" for layer in (0, 1, 2)),
        *(f"layers.{layer}.feed_forward_norm.weight" for layer in (0, 3)),
        *(f"layers.{layer}.mixers.0.{name}.weight" for layer in (0, 1) for name in ("qkv", "out")),
        *(f"layers.{at}.{name}" for at in ("0.mixers.1", "2.mixers.0") for name in (*mamba2, "out_proj.weight")),
        *(f"layers.{layer}.feed_forward.{name}.weight" for layer in (1, 3) for name in ("gate_up", "down")),
        *(f"layers.0.feed_forward.{name}.weight" for name in ("router", "experts.gate_up", "experts.down")),
        *(f"layers.0.feed_forward.shared.{name}.weight" for name in ("gate_up", "down")),
    }  # fmt: skip


def test_a_past_needs_a_slot_and_a_slot_serves_one_run():
    net = network("mamba2")
    tokens = random_tokens(4)
    feed(net, tokens, pages(0), slot=0)  # nobody wants its state
    with pytest.raises(AssertionError, match="slot"):
        feed(net, tokens, pages(0), start=4, slot=0)
    with pytest.raises(AssertionError, match="state"):
        net.forward(batch(*[(Run(0, 4, pages(page), slot=2), tokens) for page in (0, 1)]))


@pytest.mark.parametrize("order", ["sequential", "parallel"])
@pytest.mark.parametrize("mixers", [(), (ATTENTION,), (ATTENTION, MAMBA2)])
@pytest.mark.parametrize("feed_forward", [None, MLP])
def test_a_layer_is_the_sum_of_its_parts(order, mixers, feed_forward):
    spec = LayerSpec(
        mixers, feed_forward, NORM, order, 0.4, (0.5, 2.0)[: len(mixers)], (1.5, 0.7)[: len(mixers)]
    )
    net = network(config(spec))
    decoder, tokens = net.decoder, random_tokens(9)
    layer = first_layer(net)
    step = Step.of(batch((Run(0, 9, pages(0), slot=1), tokens)), net.memory)
    logits = feed(net, tokens, pages(0))
    with torch.inference_mode():
        decoder(step)  # for the rotations
        x = decoder.embedding(step.tokens_N)
        normed = layer.norm(x) if mixers or order == "parallel" else x
        into = [1.5 * normed, 0.7 * normed]
        mixed: torch.Tensor | int = sum(
            scale * mixer(part, step)
            for mixer, part, scale in zip(layer.mixers, into, (0.5, 2.0), strict=False)
        )
        y = x + 0.4 * mixed
        if feed_forward is not None:
            read = normed if order == "parallel" else layer.feed_forward_norm(y)
            y = y + 0.4 * layer.feed_forward(read)
        wanted = decoder.head(decoder.norm(y))
    torch.testing.assert_close(logits, wanted.float())


def test_an_adapter_is_as_if_its_sums_were_in_the_weights():
    """Also where a mixer multiplies between its convolution and its scan; for one of three runs in a step."""
    matrices = ["mixers.0.in_proj", "mixers.0.x_proj", "mixers.0.dt_proj", "feed_forward.down"]
    net, merged = (network("jamba"), network("jamba"))
    draw, pieces = torch.Generator().manual_seed(3), []
    for name in (f"layers.0.{matrix}" for matrix in matrices):
        weight = merged.decoder.get_parameter(f"{name}.weight")
        down, up = (
            torch.randn(shape, generator=draw) * 0.2 for shape in ((2, weight.shape[1]), (len(weight), 2))
        )
        pieces.append(LowRank(name, 0, down, up))
        weight.add_(up.double() @ down.double())
    adapted = TorchNetwork(net.decoder, adapters=AdapterPlan(rows=1, rank=2))
    adapted.allocate(MemorySize(8, 3, torch.float64))
    assert adapted.adapters is not None
    adapted.adapters.set(1, Lora("test", "0", tuple(pieces)))
    tokens, base = random_tokens(9), network("jamba")
    work = [(Run(0, 9, pages(slot), slot=slot, adapter=slot == 2), tokens) for slot in (1, 2, 3)]
    logits = adapted.forward(batch(*work)).split(9)
    for index, like in enumerate((base, merged, base)):
        assert_close(logits[index], feed(like, tokens, pages(0)))
    step = adapted.forward(batch((Run(9, 1, pages(2), slot=2, adapter=1), [5])))
    assert_close(step, feed(merged, [5], pages(0), start=9))


def test_scales_and_cap_of_the_whole():
    plain = network(config(LayerSpec((), MLP, NORM)))
    scaled = network(config(LayerSpec((), MLP, NORM), embedding_scale=3.0, logits_scale=0.5, logits_cap=0.2))
    tokens = random_tokens(5)
    plain.decoder.embedding.weight *= 3.0
    wanted = [
        0.2 * math.tanh(0.5 * logit / 0.2) for logit in feed(plain, tokens, pages(0)).flatten().tolist()
    ]
    torch.testing.assert_close(feed(scaled, tokens, pages(0)).flatten(), torch.tensor(wanted))


@pytest.mark.parametrize("kind", ["rms", "layer"])
@pytest.mark.parametrize("one_plus", [False, True])
def test_norms_by_their_definition(kind, one_plus):
    norm = Norm(NormSpec(kind, 1e-3, one_plus), 12, groups=2).double()
    draw = torch.Generator().manual_seed(0)
    norm.weight.copy_(torch.randn(12, generator=draw))
    x = torch.randn(5, 12, generator=draw, dtype=torch.float64) + 0.5
    for row, got in zip(x, norm(x), strict=True):
        for part in (slice(6), slice(6, 12)):
            values = row[part] - (row[part].mean() if kind == "layer" else 0)
            size = torch.sqrt((values**2).mean() + 1e-3)
            torch.testing.assert_close(got[part], values / size * (norm.weight[part] + one_plus))
