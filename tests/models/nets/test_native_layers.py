"""Compiled mixers and experts, laid out as a program, against the same layer in torch and float64."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from secretariat.models.kernels.library import Program, Step, library
from secretariat.models.nets.batch import Run, StepBatch
from secretariat.models.nets.config import (
    DecoderConfig,
    LayerSpec,
    LowRankMoeSpec,
    Mamba1Spec,
    Mamba2Spec,
    MlpSpec,
    MoeSpec,
    NormSpec,
    RouterSpec,
)
from secretariat.models.nets.feedforward.low_rank_moe import LowRankMoe
from secretariat.models.nets.feedforward.mlp import Mlp
from secretariat.models.nets.feedforward.moe import Moe
from secretariat.models.nets.memory import Memory, MemorySize
from secretariat.models.nets.mixers import mamba1, mamba2
from secretariat.models.nets.mixers.step import Step as TorchStep
from secretariat.models.nets.native.builder import Builder
from secretariat.models.nets.native.low_rank_moe import add_low_rank_moe
from secretariat.models.nets.native.mamba1 import add_mamba1_mixer
from secretariat.models.nets.native.mamba2 import add_mamba2_mixer
from secretariat.models.nets.native.moe import add_moe
from secretariat.models.nets.weights import Values

WIDTH, TOKENS, HELD = 40, 32, 5
MIXERS: dict[str, Mamba1Spec | Mamba2Spec] = {
    "mamba": Mamba1Spec(inner=48, state=16, conv=4, dt_rank=5),
    "jamba": Mamba1Spec(inner=48, state=16, conv=4, dt_rank=5, norms="weighted", proj_bias=True),
    "falcon-mamba": Mamba1Spec(inner=36, state=8, conv=3, dt_rank=3, norms="plain", conv_bias=False),
    "mamba-2": Mamba2Spec(heads=4, head_dim=16, state=64, groups=2, conv=4, dt_limit=(0.01, 0.5)),
    "falcon-h1": Mamba2Spec(
        heads=3, head_dim=8, state=16, groups=1, conv=4, gate=None, multipliers=(0.5, 2.0, 0.3, 1.5, 0.7)
    ),
    "norm-first": Mamba2Spec(heads=2, head_dim=20, state=20, groups=2, conv=2, gate="after", proj_bias=True),
}
EXPERTS = {
    "jamba": MoeSpec(32, RouterSpec(8, 2)),
    "mixtral": MoeSpec(23, RouterSpec(4, 2, renormalise=1.0), activation="gelu_tanh"),
    "granite": MoeSpec(16, RouterSpec(9, 4, score="softmax_top"), shared_hidden=24),
    "qwen": MoeSpec(48, RouterSpec(8, 3, renormalise=1.0), shared_hidden=20, shared_gated=True),
    "nemotron": MoeSpec(
        16, RouterSpec(8, 3, score="sigmoid", select_bias=True, renormalise=1.0, eps=1e-20, scale=2.5)
    ),
}


CHANGES = {
    "two of five": LowRankMoeSpec(MlpSpec(36), RouterSpec(5, 2), rank=3),
    "one of four": LowRankMoeSpec(MlpSpec(50, "gelu"), RouterSpec(4, 1, score="softmax_top"), rank=18),
}


@pytest.fixture
def program():
    made = library()
    if made is None:
        pytest.skip("no C++ compiler: install g++ to test the compiled operations")
    return Program(made, 2)


def drawn(module):
    """The module in float64 with random weights, and the same as a mapping of sources."""
    torch.manual_seed(0)
    state = {}
    for name, parameter in module.state_dict().items():
        scale = parameter.shape[-1] ** -0.5 if parameter.ndim > 1 and "A_log" not in name else 1.0
        state[name] = torch.randn(parameter.shape) * scale
    module.load_state_dict({name: value.double() for name, value in state.items()}, assign=True)
    return module, {f"layer.{name}": Values(value.numpy()) for name, value in state.items()}


def built(program, weights, spec=None):
    layer = LayerSpec((spec,) if spec else (), None, NormSpec())
    config = DecoderConfig(10, WIDTH, (layer,), NormSpec(), 64, tied_embeddings=True)
    size = MemorySize(pages=4, slots=4, held=HELD)
    return Builder(program, weights, Memory(config, size), TOKENS, "float32"), Memory(config, size)


def ints(*values):
    return np.array(values, dtype=np.int32)


def native_step(runs):
    arrays = SimpleNamespace(
        starts=np.cumsum([0, *(run.count for run in runs)], dtype=np.int32),
        begins=ints(*(run.start for run in runs)),
        slots=ints(*(run.slot for run in runs)),
        held=ints(*(run.held for run in runs)),
    )
    pointers = {name: array.ctypes.data for name, array in vars(arrays).items()}
    return Step(tokens=int(arrays.starts[-1]), runs=len(runs), exact=1, **pointers), arrays


@pytest.mark.parametrize("name", MIXERS)
def test_a_mixer_and_its_torch_form_agree_step_by_step(program, name):
    spec = MIXERS[name]
    mixer = mamba1.Mamba1(WIDTH, spec, 0) if isinstance(spec, Mamba1Spec) else mamba2.Mamba2(WIDTH, spec, 0)
    module, weights = drawn(mixer)
    builder, memory = built(program, weights, spec)
    commits = Program(program.library, 2)
    x_NE, out_NE = torch.zeros(TOKENS, WIDTH), torch.zeros(TOKENS, WIDTH)
    place = ("layer", 0, x_NE, out_NE)
    if isinstance(spec, Mamba1Spec):
        add_mamba1_mixer(builder, commits, spec, *place, add=0.5)
    else:
        add_mamba2_mixer(builder, commits, spec, *place, add=0.5)
    pages = ints(0)

    def agree(*runs):
        count = sum(run.count for run in runs)
        x_NE[:count] = torch.randn(count, WIDTH)
        out_NE.fill_(1.0)
        step, kept = native_step(runs)
        program.run(step)
        batch = StepBatch(np.zeros(count, np.int32), runs, ints(0))
        torch_step = TorchStep.of(batch, memory)
        with torch.inference_mode():
            expected = 1 + 0.5 * module(x_NE[:count].double(), torch_step)
        torch.testing.assert_close(out_NE[:count].double(), expected, rtol=1e-4, atol=1e-4)
        assert (out_NE[count:] == 1).all()
        return torch_step, kept

    agree(Run(0, 7, pages, slot=2), Run(0, 1, pages, slot=1), Run(0, 9, pages, slot=4))
    agree(Run(1, 4, pages, slot=1), Run(7, 1, pages, slot=2))
    torch_step, _ = agree(Run(8, HELD, pages, slot=2, held=True))
    step, _ = native_step((Run(8, 3, pages, slot=2),))
    commits.run(step)
    for held in torch_step.held:
        held.advance(held.inputs_BTU[:, :3], held.group, memory)
    agree(Run(11, 2, pages, slot=2), Run(9, 3, pages, slot=4))
    for mine, theirs in zip(builder.memory.slot_arrays(2), memory.slot_arrays(2), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", EXPERTS)
def test_experts_and_their_torch_form_agree(program, name):
    spec = EXPERTS[name]
    module, weights = drawn(Moe(WIDTH, spec))
    builder, _ = built(program, weights)
    x_NE, out_NE = torch.randn(TOKENS, WIDTH), torch.ones(TOKENS, WIDTH)
    add_moe(builder, spec, "layer", x_NE, out_NE, add=0.5)
    program.run(Step(tokens=29, exact=1))
    with torch.inference_mode():
        expected = 1 + 0.5 * module(x_NE[:29].double())
    torch.testing.assert_close(out_NE[:29].double(), expected, rtol=1e-4, atol=1e-4)
    assert (out_NE[29:] == 1).all()


@pytest.mark.parametrize("name", CHANGES)
def test_experts_that_are_low_rank_changes_agree_too_and_do_change_something(program, name):
    spec = CHANGES[name]
    module, weights = drawn(LowRankMoe(WIDTH, spec))
    builder, _ = built(program, weights)
    x_NE, out_NE = torch.randn(TOKENS, WIDTH), torch.ones(TOKENS, WIDTH)
    add_low_rank_moe(builder, spec, "layer", x_NE, out_NE, add=0.5)
    program.run(Step(tokens=29, exact=1))
    with torch.inference_mode():
        shared = Mlp.forward(module, x_NE[:29].double())
        expected = 1 + 0.5 * module(x_NE[:29].double())
    torch.testing.assert_close(out_NE[:29].double(), expected, rtol=1e-4, atol=1e-4)
    assert ((expected - 1 - 0.5 * shared).norm(dim=-1) > 0.1).all()
    assert (out_NE[29:] == 1).all()
