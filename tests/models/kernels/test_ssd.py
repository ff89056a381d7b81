"""Mamba-2's recurrence against float64, and what every recurrence must do."""

import pytest
import torch

from secretariat.models.kernels.ssd.cpu import SsdBuffers, SsdWeights, add_scale, add_ssd
from secretariat.models.kernels.ssd.reference import ssd, time_steps
from tests.models.kernels.conftest import Rows
from tests.models.kernels.recurrence import Buffers, RecurrenceTests

LIMIT = (0.01, 1.5)


class Ssd:
    def __init__(self, heads, width, size, groups, *, limit=(0.0, float("inf"))):
        self.heads, self.width, self.size, self.groups, self.limit = heads, width, size, groups, limit
        self.weights = SsdWeights(torch.randn(heads) - 2, torch.randn(heads), torch.randn(heads))

    def draw(self, tokens):
        """x, B and C side by side, and dt."""
        return [
            torch.randn(tokens, self.heads * self.width + 2 * self.groups * self.size),
            torch.randn(tokens, self.heads) * 2,
        ]

    def build(self, program, commits, tokens, slots, held):
        inner, shared = self.heads * self.width, self.groups * self.size
        xbc, dt = torch.empty(tokens, inner + 2 * shared), torch.empty(tokens, self.heads + 3)[:, 1:-2]
        y, state = torch.empty(tokens, inner), torch.zeros(slots, self.heads, self.width, self.size)
        x, b, c = xbc.split([inner, shared, shared], dim=1)
        add_ssd(
            program, commits, SsdBuffers(x, b, c, dt, y), self.weights, state,
            groups=self.groups, dt_limit=self.limit, held=held,
        )  # fmt: skip
        return Buffers([xbc, dt], y, [state])

    def reference(self, inputs):
        xbc, dt = inputs
        inner, shared = self.heads * self.width, self.groups * self.size
        x, b, c = xbc.split([inner, shared, shared], dim=1)
        dt_TH = time_steps(dt, self.weights.dt_bias_H.double(), self.limit)
        state = torch.zeros(self.heads, self.width, self.size, dtype=torch.double)
        y, state = ssd(
            x.unflatten(1, (self.heads, self.width)), dt_TH,
            b.unflatten(1, (self.groups, self.size)), c.unflatten(1, (self.groups, self.size)),
            self.weights.a_log_H.double(), self.weights.d_H.double(), state,
        )  # fmt: skip
        return y.flatten(1), [state]


SHAPES = [(2, 8, 16, 1), (4, 32, 64, 2), (4, 20, 128, 4), (3, 17, 20, 1), (1, 64, 128, 1), (2, 5, 256, 2)]


class TestSsd(RecurrenceTests):
    @pytest.fixture(params=SHAPES, ids=str)
    def recurrence(self, request):
        torch.manual_seed(0)
        return Ssd(*request.param)


class TestSsdWithLimits(RecurrenceTests):
    @pytest.fixture
    def recurrence(self):
        torch.manual_seed(0)
        return Ssd(2, 16, 64, 1, limit=LIMIT)


def test_columns_are_scaled_in_place(program):
    wide, scale_C = torch.randn(6, 50), torch.randn(33)
    expected = wide.clone()
    expected[:4, 7:40] *= scale_C
    add_scale(program, wide[:, 7:40], scale_C)
    program.run(Rows(4).step)
    assert torch.equal(wide, expected)
