"""Feed-forwards against their definitions: every router, every activation, and no token that sees another."""

import math

import pytest
import torch

from secretariat.models.nets.config import MlpSpec, MoeSpec, RouterSpec
from secretariat.models.nets.feedforward.mlp import Mlp
from secretariat.models.nets.feedforward.moe import Moe, route

WIDTH = 12
ROUTERS = {
    "jamba": RouterSpec(7, 2),
    "mixtral": RouterSpec(7, 2, renormalise=1.0),
    "granite": RouterSpec(7, 3, "softmax_top"),
    "dbrx, 2-norm": RouterSpec(7, 4, renormalise=2.0),
    "nemotron": RouterSpec(7, 3, "sigmoid", select_bias=True, renormalise=1.0, eps=1e-2, scale=2.5),
    "bias of logits": RouterSpec(7, 3, "softmax_top", select_bias=True),
    "sigmoid alone": RouterSpec(7, 1, "sigmoid"),
    "everyone": RouterSpec(7, 7, renormalise=1.0),
}
ACTIVATIONS = {
    "silu": lambda x: x / (1 + math.exp(-x)),
    "relu2": lambda x: max(x, 0.0) ** 2,
    "gelu": lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))),
    "gelu_tanh": lambda x: x * 0.5 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
}


def filled(module, seed=0):
    draw = torch.Generator().manual_seed(seed)
    module = module.double().requires_grad_(requires_grad=False)
    for parameter in module.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=draw, dtype=torch.float64) * 0.7)
    return module


def inputs(rows=9, seed=1):
    return torch.randn(rows, WIDTH, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def routed(logits, spec, bias):
    """(expert, weight) of one token, by the definition."""
    exponentials = [math.exp(value) for value in logits]
    scores = {
        "softmax": [value / sum(exponentials) for value in exponentials],
        "sigmoid": [1 / (1 + math.exp(-value)) for value in logits],
        "softmax_top": logits,
    }[spec.score]
    order = sorted(range(len(logits)), key=lambda expert: (-(scores[expert] + bias[expert]), expert))
    chosen = order[: spec.top]
    weights = [scores[expert] for expert in chosen]
    if spec.score == "softmax_top":
        weights = [math.exp(w) / sum(math.exp(v) for v in weights) for w in weights]
    if spec.renormalise is not None:
        size = sum(weight**spec.renormalise for weight in weights) ** (1 / spec.renormalise)
        weights = [weight / (size + spec.eps) for weight in weights]
    return chosen, [weight * spec.scale for weight in weights]


def gated(x, gate_up, down):
    gate, up = (gate_up @ x).chunk(2)
    return down @ (gate / (1 + torch.exp(-gate)) * up)


@pytest.mark.parametrize("name", ROUTERS)
@pytest.mark.parametrize("shared", [None, "plain", "gated"])
def test_a_mixture_by_its_definition(name, shared):
    spec = ROUTERS[name]
    moe = filled(Moe(WIDTH, MoeSpec(5, spec, shared_hidden=shared and 6, shared_gated=shared == "gated")))
    bias = moe.router.select_bias.tolist() if spec.select_bias else [0.0] * 7
    for x, got in zip(inputs(), moe(inputs()), strict=True):
        chosen, weights = routed((moe.router.weight @ x).tolist(), spec, bias)
        wanted = sum(
            weight * gated(x, moe.experts.gate_up.weight[expert], moe.experts.down.weight[expert])
            for expert, weight in zip(chosen, weights, strict=True)
        )
        if shared:
            common = gated(x, moe.shared.gate_up.weight, moe.shared.down.weight)
            wanted += common * (torch.sigmoid(moe.shared_gate.weight @ x) if shared == "gated" else 1)
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ROUTERS)
def test_of_equal_experts_the_lowest_are_taken(name):
    spec = ROUTERS[name]
    logits = torch.tensor([[0.5] * 7, [0.0, 2.0, 1.0, 2.0, 1.0, 1.0, 2.0]])
    bias = torch.zeros(7) if spec.select_bias else None
    chosen, _ = route(logits, spec, bias)
    assert chosen.tolist() == [list(range(7))[: spec.top], [1, 3, 6, 2, 4, 5, 0][: spec.top]]


def test_a_bias_chooses_and_does_not_weigh():
    spec = RouterSpec(3, 1, "sigmoid", select_bias=True)
    chosen, weights = route(torch.tensor([[2.0, 1.0, 0.0]]), spec, torch.tensor([0.0, 0.0, 5.0]))
    assert chosen.tolist() == [[2]]
    assert weights.tolist() == [[0.5]]


def test_weights_are_found_in_float32_for_bfloat16_logits():
    _, weights = route(torch.tensor([[1.0, 0.0]], dtype=torch.bfloat16), RouterSpec(2, 1))
    assert weights.item() == pytest.approx(1 / (1 + math.exp(-1)), abs=1e-6)


def test_a_token_is_answered_the_same_in_any_company():
    moe = filled(Moe(WIDTH, MoeSpec(5, RouterSpec(7, 3, renormalise=1.0), shared_hidden=6)))
    x = inputs(20)
    together = moe(x)
    for row in range(20):
        torch.testing.assert_close(moe(x[row : row + 1])[0], together[row], rtol=1e-12, atol=1e-12)
    assert moe(x[:0]).shape == (0, WIDTH)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("is_gated", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_a_dense_feed_forward_by_its_definition(activation, is_gated, bias):
    mlp = filled(Mlp(WIDTH, MlpSpec(8, activation, is_gated, bias)))
    into = mlp.gate_up if is_gated else mlp.up
    for x, got in zip(inputs(4), mlp(inputs(4)), strict=True):
        inner = into.weight @ x + (into.bias if bias else 0)
        acted = torch.tensor(
            [ACTIVATIONS[activation](value) for value in inner[:8].tolist()], dtype=torch.float64
        )
        wanted = mlp.down.weight @ (acted * inner[8:] if is_gated else acted) + (mlp.down.bias if bias else 0)
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-9)
