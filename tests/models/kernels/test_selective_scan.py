"""Mamba-1's recurrence against float64, and what every recurrence must do."""

import pytest
import torch

from secretariat.models.kernels.selective_scan.cpu import ScanBuffers, add_scan_inputs, add_selective_scan
from secretariat.models.kernels.selective_scan.reference import scan_inputs, selective_scan
from tests.models.kernels.conftest import Rows
from tests.models.kernels.recurrence import Buffers, Machine, Part, RecurrenceTests


class Scan:
    def __init__(self, channels, size):
        self.channels, self.size = channels, size
        self.a_log_IN, self.d_I = torch.randn(channels, size), torch.randn(channels)

    def draw(self, tokens):
        """x, dt, z, B, C."""
        wide = [torch.randn(tokens, self.channels) for _ in range(3)]
        return [wide[0], wide[1] - 2, wide[2], torch.randn(tokens, self.size), torch.randn(tokens, self.size)]

    def build(self, program, commits, tokens, slots, held):
        xz = torch.empty(tokens, 2 * self.channels)
        bc = torch.empty(tokens, 2 * self.size)
        x, z, b, c = xz[:, : self.channels], xz[:, self.channels :], bc[:, : self.size], bc[:, self.size :]
        dt, y, state = torch.empty_like(x), torch.empty_like(x), torch.zeros(slots, self.size, self.channels)
        add_selective_scan(
            program, commits, ScanBuffers(x, dt, b, c, z, y), self.a_log_IN, self.d_I, state, held=held
        )
        return Buffers([x, dt, z, b, c], y, [state])

    def reference(self, inputs):
        x, dt, z, b, c = inputs
        state = torch.zeros(self.size, self.channels, dtype=torch.double)
        y, state = selective_scan(x, dt, b, c, z, self.a_log_IN.double(), self.d_I.double(), state)
        return y, [state]


class TestSelectiveScan(RecurrenceTests):
    @pytest.fixture(params=[(48, 16), (19, 16), (32, 20), (5, 1)], ids=str)
    def recurrence(self, request):
        torch.manual_seed(0)
        return Scan(*request.param)


def test_steps_from_nothing_to_far_too_large(compiled):
    """softplus and the decay where they are flat, straight and gone."""
    torch.manual_seed(0)
    scan = Scan(16, 16)
    inputs = scan.draw(9)
    inputs[1] = torch.tensor([-200.0, -90, -30, -8, 0, 8, 30, 90, 400])[:, None].expand(9, 16)
    [output] = Machine(scan, compiled).step(Part(1, inputs))
    expected, _ = scan.reference([rows.double() for rows in inputs])
    torch.testing.assert_close(output.double(), expected, rtol=1e-5, atol=1e-5)


def test_a_state_that_gets_no_time_stays_as_it_is(compiled):
    torch.manual_seed(0)
    scan = Scan(16, 16)
    machine, inputs = Machine(scan, compiled), scan.draw(5)
    inputs[1][3:] = -1000
    machine.step(Part(1, inputs, 0, 3))
    states = machine.states(1)
    machine.step(Part(1, inputs, 3))
    assert torch.equal(machine.states(1)[0], states[0])


@pytest.mark.parametrize("normed", [False, True])
@pytest.mark.parametrize(("rank", "size"), [(1, 16), (17, 20), (48, 16)])
def test_the_inputs_are_taken_apart_and_normed(program, rank, size, normed):
    projected = torch.randn(5, rank + 2 * size) * 3
    weights = (torch.randn(rank), torch.randn(size), torch.randn(size)) if normed else None
    dt, bc = torch.full((7, rank), torch.nan), torch.full((7, 2 * size), torch.nan)
    add_scan_inputs(program, projected, dt, bc[:, :size], bc[:, size:], weights, eps=1e-6)
    program.run(Rows(5).step)
    doubles = None if weights is None else (weights[0].double(), weights[1].double(), weights[2].double())
    expected = torch.cat(scan_inputs(projected.double(), rank, size, doubles, eps=1e-6), dim=1)
    torch.testing.assert_close(torch.cat([dt, bc], dim=1)[:5].double(), expected, rtol=2e-6, atol=2e-6)
    assert dt[5:].isnan().all()
    assert bc[5:].isnan().all()
