"""The differentiable decoder against the served one, and its gradients against finite differences, in float64."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.autograd import gradcheck

from secretariat.models.nets.config import LayerSpec, Mamba2Spec, MoeSpec, QkNormSpec, RouterSpec
from secretariat.models.training.examples import Example
from secretariat.models.training.forward import hidden
from secretariat.models.training.loss import Teaching, log_probs, loss_sum
from secretariat.models.training.mixing import attend
from secretariat.models.training.packing import rows_of
from secretariat.models.training.passage import Passage
from secretariat.models.training.scans import convolved, selective_scan, ssd
from tests.models.nets.tiny import (
    ATTENTION,
    KINDS,
    MLP,
    NORM,
    VOCAB,
    config,
    feed,
    network,
    pages,
    random_decoder,
    random_tokens,
)

WINDOWED = replace(ATTENTION, window=5, sinks=2)
WHOLE_LANES = Mamba2Spec(4, 16, 32, 2, 4, gate=None, multipliers=(1.0, 0.5, 2.0, 1.5, 0.7))
SHAPES = {
    **KINDS,
    "window and sinks": config(*[LayerSpec((WINDOWED,), MLP, NORM)] * 2),
    "soft cap, norms and clip": config(
        LayerSpec((replace(ATTENTION, soft_cap=0.4, qk_norm=QkNormSpec(NORM), clip=0.9),), MLP, NORM),
        LayerSpec((replace(WINDOWED, soft_cap=0.4, scale=0.3),), MLP, NORM, order="parallel"),
    ),
    "mixtral": config(*[LayerSpec((ATTENTION,), MoeSpec(24, RouterSpec(4, 2, renormalise=1.0)), NORM)] * 2),
    "one hybrid layer": config(LayerSpec((WINDOWED, KINDS["mamba2"].layers[0].mixers[0]), MLP, NORM)),
}
LENGTHS = (70, 3, 41, 1, 12)


def documents(lengths=LENGTHS):
    return [
        Example(random_tokens(count, seed), [True] * count, str(seed)) for seed, count in enumerate(lengths)
    ]


def logits(decoder, rows, **options):
    """[B, T, V] as the decoder makes them."""
    shape, last = decoder.config, hidden(decoder, rows, **options)
    found = decoder.head(last) * shape.logits_scale
    return found if shape.logits_cap is None else shape.logits_cap * torch.tanh(found / shape.logits_cap)


@pytest.mark.parametrize("kind", SHAPES)
def test_a_packed_row_says_what_the_served_network_says_of_each_document(kind):
    served = network(SHAPES[kind])
    given = documents()
    rows = rows_of(given, 80)
    assert len(rows.tokens_BT) == 2
    with torch.no_grad():
        found = logits(served.decoder, rows)
    for row, start, stop in rows.spans:
        number = int(rows.documents_BT[row, start])
        wanted = feed(served, given[number].tokens, pages(*range(1, 7)), slot=number + 1)
        torch.testing.assert_close(found[row, start:stop].float(), wanted, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("kind", ["attention", "one hybrid layer", "jamba"])
def test_gradients_are_the_same_with_and_without_keeping_what_layers_made(kind):
    decoder: Any = random_decoder(SHAPES[kind], std=0.3).double().requires_grad_()
    rows = rows_of(documents((20, 9)))
    found: list[dict[str, torch.Tensor]] = []
    for checkpoint in (True, False):
        decoder.zero_grad()
        routers: list[torch.Tensor] = []
        last = hidden(decoder, rows, checkpoint=checkpoint, routers=routers)
        balance = sum(one.logsumexp(dim=-1).square().mean() for one in routers)
        (loss_sum(decoder, last, rows) + balance).backward()
        found.append({name: value.grad for name, value in decoder.named_parameters()})
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    if kind == "jamba":
        assert found[0]["layers.1.feed_forward.router.weight"].abs().sum() > 0


def test_compiled_branches_learn_what_they_would_in_float64():
    decoder: Any = random_decoder(config(LayerSpec((WHOLE_LANES,), None, NORM)), std=0.3).requires_grad_()
    assert decoder.embedding.weight.dtype == torch.float32
    wider: Any = deepcopy(decoder).double()
    rows = rows_of(documents(), 80)
    for one in (decoder, wider):
        loss_sum(one, hidden(one, rows), rows).backward()
    right = {name: value.grad for name, value in wider.named_parameters()}
    for name, value in decoder.named_parameters():
        assert (value.grad - right[name]).norm() <= 1e-5 * right[name].norm(), name


def test_a_document_learns_nothing_from_its_neighbours():
    decoder = random_decoder(SHAPES["one hybrid layer"], std=0.3).double()
    given = documents((9, 14))
    together, alone = rows_of(given), rows_of(given[1:])
    with torch.no_grad():
        both = log_probs(decoder, hidden(decoder, together), together)
        one = log_probs(decoder, hidden(decoder, alone), alone)
    torch.testing.assert_close(both[together.learnt_documents_M == 1], one)


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class TestGradients:
    """Against finite differences. Two rows of documents of 7, 3 and 6 places."""

    @pytest.fixture
    def passage(self):
        decoder = random_decoder(SHAPES["attention"]).double()
        return Passage.of(decoder, rows_of(documents((7, 3, 6)), 10))

    @pytest.fixture
    def places(self, passage):
        """Positions and documents without what the rows are padded with."""
        return passage.positions_BT[:, :10], passage.documents_BT[:, :10]

    @pytest.mark.parametrize(
        "spec", [ATTENTION, replace(ATTENTION, soft_cap=0.5), replace(WINDOWED, window=3)]
    )
    def test_attention(self, passage, spec):
        rows = passage.positions_BT.numel()
        spec = replace(spec, heads=2, kv_heads=1, head_dim=2, rope=None)
        parts = [drawn(rows, heads, 2, seed=heads).requires_grad_() for heads in (2, 1, 1)]
        assert gradcheck(lambda q, k, v: attend(q, k, v, passage, spec)[:10], parts, fast_mode=True)

    def test_state_space_duality(self, places, monkeypatch):
        monkeypatch.setattr("secretariat.models.training.scans.CHUNK", 4)
        dt, decay = drawn(2, 10, 1, 2).exp(), -drawn(1, 2).exp()
        b, c = drawn(2, 10, 1, 3, seed=1), drawn(2, 10, 1, 3, seed=2)
        given = [part.requires_grad_() for part in (drawn(2, 10, 1, 2, 2), dt, decay, b, c)]
        assert gradcheck(lambda x, dt, decay, b, c: ssd(x, dt, decay, b, c, places[1]), given)

    def test_selective_scan(self, places):
        dt, decay = drawn(2, 10, 2).exp(), -drawn(3, 2).exp()
        b, c = drawn(2, 10, 3, seed=1), drawn(2, 10, 3, seed=2)
        given = [part.requires_grad_() for part in (drawn(2, 10, 2), dt, decay, b, c)]
        assert gradcheck(lambda x, dt, decay, b, c: selective_scan(x, dt, decay, b, c, places[0]), given)

    def test_short_convolution(self, places):
        decoder: Any = random_decoder(SHAPES["mamba2"]).double()
        conv = decoder.layers[0].mixers[0].conv
        assert gradcheck(
            lambda x: convolved(conv, x, places[0]), drawn(2, 10, conv.weight.shape[0]).requires_grad_()
        )

    @pytest.mark.parametrize("function", [log_probs, loss_sum])
    @pytest.mark.parametrize("cap", [None, 2.0])
    def test_log_probabilities(self, function, cap, monkeypatch):
        monkeypatch.setattr("secretariat.models.training.loss._TOKENS", 4)
        shape = config(LayerSpec((ATTENTION,), MLP, NORM), logits_scale=0.7, logits_cap=cap)
        decoder: Any = random_decoder(shape).double()
        rows = rows_of(documents((6, 3)))
        head, last = drawn(7, 4).requires_grad_(), drawn(*rows.tokens_BT.shape, 4, seed=1).requires_grad_()

        def found(weight, hidden_BTE):
            decoder.head = _Head(weight)
            return function(decoder, hidden_BTE, replace(rows, tokens_BT=rows.tokens_BT % 7))

        assert gradcheck(found, (head, last))

    @pytest.mark.parametrize("cap", [None, 2.0])
    def test_what_a_teacher_foresees(self, cap, monkeypatch):
        monkeypatch.setattr("secretariat.models.training.loss._TOKENS", 4)
        shape = config(LayerSpec((ATTENTION,), MLP, NORM), logits_cap=cap)
        decoder: Any = random_decoder(shape).double()
        teacher: Any = random_decoder(shape, 1).double()
        rows = rows_of(documents((6, 3)))
        rows = replace(rows, tokens_BT=rows.tokens_BT % 7)
        decoder.head, teacher.head = _Head(drawn(7, 4)), _Head(drawn(7, 4, seed=2))
        last, seen = drawn(*rows.tokens_BT.shape, 4, seed=1), drawn(*rows.tokens_BT.shape, 4, seed=3)

        def found(hidden_BTE, share=0.3):
            return loss_sum(decoder, hidden_BTE, rows, Teaching(teacher, seen, share))

        assert gradcheck(found, last.requires_grad_())
        torch.testing.assert_close(found(last, 0.0), loss_sum(decoder, last, rows))
        itself = loss_sum(decoder, last, rows, Teaching(decoder, last.detach(), 1.0))
        assert torch.autograd.grad(itself, last)[0].abs().max() < 1e-12, "nobody foresees better than oneself"


class _Head(torch.nn.Module):
    """A weight that gradcheck brings is no Parameter."""

    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def forward(self, x):
        return x @ self.weight.T


def test_log_probabilities_are_those_of_all_logits():
    shape = replace(KINDS["granite"], logits_cap=3.0)
    decoder = random_decoder(shape, std=0.3).double()
    rows = rows_of(documents((30, 8)))
    with torch.no_grad():
        whole = logits(decoder, rows).log_softmax(dim=-1).flatten(0, 1)
        found = log_probs(decoder, hidden(decoder, rows), rows)
        total = loss_sum(decoder, hidden(decoder, rows), rows)
    torch.testing.assert_close(found, whole[rows.sources_M, rows.targets_M])
    torch.testing.assert_close(total, -found.sum())
    assert whole.shape[-1] == VOCAB
