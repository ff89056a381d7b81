"""Router and experts against float64 and their own bits, on crowds that are awkward to share out."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from secretariat.models.kernels.glu.reference import glu
from secretariat.models.kernels.library import Program
from secretariat.models.kernels.linear.packing import Form, pack, unpack
from secretariat.models.kernels.moe.cpu import add_experts, add_route, add_shared_activation
from secretariat.models.kernels.moe.reference import experts, route
from secretariat.models.nets.config import RouterSpec
from secretariat.models.nets.weights import Values
from tests.models.kernels.conftest import Rows

SPECS = [
    RouterSpec(8, 2),
    RouterSpec(64, 6, renormalise=1.0),
    RouterSpec(5, 5, renormalise=2.0, eps=0.1),
    RouterSpec(17, 3, renormalise=3.0, scale=2.5),
    RouterSpec(40, 8, score="softmax_top"),
    RouterSpec(33, 4, score="sigmoid", select_bias=True, renormalise=1.0, eps=1e-6, scale=1.8),
    RouterSpec(3, 1),
]


def routed(program, logits_NX, bias_X, spec):
    choice = add_route(program, logits_NX, bias_X, spec)
    choice.chosen_NK.fill_(-1)
    choice.weights_NK.fill_(torch.nan)
    program.run(Rows(len(logits_NX)).step)
    return choice


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.score}-{spec.top}-of-{spec.experts}")
def test_a_token_chooses_as_its_spec_says(program, spec):
    torch.manual_seed(0)
    logits_NX = torch.randn(29, spec.experts) * 4
    bias_X = torch.randn(spec.experts) if spec.select_bias else None
    choice = routed(program, logits_NX, bias_X, spec)
    chosen, weights = route(logits_NX.double(), None if bias_X is None else bias_X.double(), spec)
    assert torch.equal(choice.chosen_NK.long(), chosen)
    torch.testing.assert_close(choice.weights_NK.double(), weights, rtol=5e-6, atol=1e-7)


@pytest.mark.parametrize("score", ["softmax", "sigmoid", "softmax_top"])
def test_equal_scores_go_to_the_lowest_expert(program, score):
    logits_NX = torch.tensor([[1.0, 3, 3, 0, 3, 3], [0, 0, 0, 0, 0, 0]])
    choice = routed(program, logits_NX, None, RouterSpec(6, 3, score=score))
    assert choice.chosen_NK.tolist() == [[1, 2, 4], [0, 1, 2]]


def test_a_bias_takes_part_in_the_choice_and_not_in_the_weight(program):
    logits_NX, bias_X = torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([0.0, 0.0, 5.0])
    choice = routed(program, logits_NX, bias_X, RouterSpec(3, 1, score="sigmoid", select_bias=True))
    assert choice.chosen_NK.tolist() == [[2]]
    assert choice.weights_NK.tolist() == [[0.5]]


def test_choices_are_sorted_by_expert(program):
    choice = routed(program, torch.randn(50, 7), None, RouterSpec(7, 3))
    rows, first = choice.row_NK.flatten(), choice.first
    assert sorted(rows.tolist()) == list(range(150))
    by_row = torch.empty(150, dtype=torch.int32)
    by_row[rows.long()] = choice.chosen_NK.flatten()
    for expert in range(7):
        mine = slice(first[expert], first[expert + 1])
        assert (by_row[mine] == expert).all()
        assert choice.token_R[mine].tolist() == sorted(choice.token_R[mine].tolist())


@dataclass
class Layer:
    """Random experts, packed."""

    experts: int
    width: int
    hidden: int
    form: Form

    def __post_init__(self):
        rng = np.random.default_rng(0)
        self.gate_up = self._pack(rng, self.experts, 2, self.hidden, self.width)
        self.down = self._pack(rng, self.experts, self.width, self.hidden)

    def _pack(self, rng, *shape):
        weight = rng.normal(size=shape) / shape[-1] ** 0.5
        return pack(Values(weight.astype(np.float32)), self.form)

    def run(self, program, x_NE, chosen_NK, weights_NK, *, activation="silu", add=None, y_NE=None):
        """Behind a router whose logits leave only these choices."""
        tokens, top = chosen_NK.shape
        logits_NX = torch.full((tokens, self.experts), -50.0)
        logits_NX.scatter_(1, chosen_NK, -torch.arange(float(top)).expand(tokens, top))
        choice = add_route(program, logits_NX, None, RouterSpec(self.experts, top, score="sigmoid"))
        y_NE = torch.full_like(x_NE, torch.nan) if y_NE is None else y_NE
        hidden = torch.full((tokens * top, 2 * self.hidden), torch.nan)
        outputs = torch.full((tokens * top, self.width), torch.nan)
        program.run(Rows(tokens).step)
        choice.weights_NK.copy_(weights_NK)
        second = Program(program.library, program.threads)
        add_experts(
            second,
            choice,
            self.gate_up,
            self.down,
            x_NE,
            y_NE,
            hidden,
            outputs,
            activation=activation,
            add=add,
        )
        second.run(Rows(tokens).step)
        assert torch.equal(choice.chosen_NK.long(), chosen_NK)
        return y_NE

    def expected(self, x_NE, chosen_NK, weights_NK, activation="silu"):
        gate_up = unpack(self.gate_up).double().reshape(self.experts, 2 * self.hidden, self.width)
        down = unpack(self.down).double()
        return experts(x_NE.double(), chosen_NK, weights_NK.double(), gate_up, down, activation)


def drawn(tokens, layer, top):
    torch.manual_seed(tokens)
    chosen_NK = torch.stack([torch.randperm(layer.experts)[:top] for _ in range(tokens)])
    return torch.randn(tokens, layer.width), chosen_NK, torch.rand(tokens, top)


# Quantised forms also round x and the hidden row to eight bits: a hundredth of their size.
FORMS = [("float32", 1e-5), ("bfloat16", 2e-2), ("q8", 2e-2), ("q4", 2e-2)]


@pytest.mark.parametrize(("form", "close"), FORMS)
@pytest.mark.parametrize("tokens", [1, 2, 17, 40])
def test_the_chosen_experts_are_summed(program, tokens, form, close):
    layer = Layer(6, 64, 96, form)
    x_NE, chosen_NK, weights_NK = drawn(tokens, layer, 3)
    y_NE = layer.run(program, x_NE, chosen_NK, weights_NK)
    expected = layer.expected(x_NE, chosen_NK, weights_NK)
    error = (y_NE.double() - expected).abs().max() / expected.abs().max()
    assert error < close


@pytest.mark.parametrize("activation", ["silu", "relu2", "gelu", "gelu_tanh"])
def test_activations_and_residual(program, activation):
    layer = Layer(4, 40, 21, "float32")
    x_NE, chosen_NK, weights_NK = drawn(9, layer, 2)
    x_NE *= 4
    start = torch.randn(9, 40)
    y_NE = layer.run(
        program, x_NE, chosen_NK, weights_NK, activation=activation, add=0.25, y_NE=start.clone()
    )
    expected = start.double() + 0.25 * layer.expected(x_NE, chosen_NK, weights_NK, activation)
    torch.testing.assert_close(y_NE.double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("form", ["float32", "bfloat16", "q8", "q4"])
def test_who_shares_an_expert_changes_no_bit(program, form):
    """All tokens at one expert, or each alone."""
    layer = Layer(5, 96, 80, form)
    x_NE, chosen_NK, weights_NK = drawn(37, layer, 2)
    chosen_NK[:, 0], chosen_NK[:, 1] = 3, torch.tensor([0, 1, 2, 4] * 10)[:37]
    together = layer.run(program, x_NE, chosen_NK, weights_NK)
    for token in (0, 7, 36):
        alone = Program(program.library, 3 - program.threads)
        rows = slice(token, token + 1)
        y_NE = layer.run(alone, x_NE[rows].clone(), chosen_NK[rows], weights_NK[rows])
        assert torch.equal(y_NE[0], together[token])


def test_experts_that_nobody_chose_are_not_read(program):
    layer = Layer(8, 64, 32, "float32")
    x_NE, chosen_NK, weights_NK = drawn(3, layer, 2)
    chosen_NK[:] = torch.tensor([5, 2])
    expected = layer.run(program, x_NE, chosen_NK, weights_NK)
    for packed in (layer.gate_up, layer.down):
        packed.panels.view(8, -1)[[0, 1, 3, 4, 6, 7]] = 255  # NaN
    again = Program(program.library, program.threads)
    assert torch.equal(layer.run(again, x_NE, chosen_NK, weights_NK), expected)


@pytest.mark.parametrize("gated", [False, True])
def test_the_shared_expert_is_activated_and_gated(program, gated):
    gate_up_NG, gate_N1 = torch.randn(5, 2 * 37), torch.randn(5, 1) if gated else None
    up_NF = gate_up_NG[:, 37:].clone()
    expected = glu(gate_up_NG.double(), "silu") * (1 if gate_N1 is None else gate_N1.double().sigmoid())
    found = add_shared_activation(program, gate_up_NG, gate_N1, activation="silu")
    program.run(Rows(5).step)
    torch.testing.assert_close(found.double(), expected, rtol=2e-6, atol=2e-6)
    assert torch.equal(gate_up_NG[:, 37:], up_NF)
