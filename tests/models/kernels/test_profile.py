"""Where the time of a program goes."""

import pytest
import torch

from secretariat.models.kernels.norm.cpu import add_norm
from tests.models.kernels.conftest import Rows


@pytest.fixture
def norms(program):
    """A norm, one that only a step with adapters runs, and one of the rows whose logits are wanted."""
    x_NE, weight_E = torch.randn(64, 256), torch.ones(256)
    outputs = [torch.zeros(64, 256) for _ in range(3)]
    add_norm(program, x_NE, outputs[0], weight_E, eps=1e-5, mean=False)
    with program.only_adapted():
        add_norm(program, x_NE, outputs[1], weight_E, eps=1e-5, mean=False)
    add_norm(program, x_NE, outputs[2], weight_E, eps=1e-5, mean=False, wanted=True)
    return program, outputs


def test_a_profiled_step_is_the_step_with_a_time_for_each_operation(norms):
    program, outputs = norms
    rows = Rows(64, wanted=(0, 3))
    program.run(rows.step)
    expected = [output.clone() for output in outputs]
    profile = program.profile(rows.step)
    assert [name for name, _ in profile] == ["norm", "norm", "norm"]
    assert all(torch.equal(output, wanted) for output, wanted in zip(outputs, expected, strict=True))
    first, left_out, last = (seconds for _, seconds in profile)
    assert first > 0
    assert left_out == 0
    assert last > 0
