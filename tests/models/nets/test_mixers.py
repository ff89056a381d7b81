"""Each mixer against its definition, written out token by token in float64, over paged and chunked runs."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch

from secretariat.models.nets.batch import Run
from secretariat.models.nets.config import (
    AttentionSpec,
    DynamicScaling,
    LayerSpec,
    LinearScaling,
    Llama3Scaling,
    LongRopeScaling,
    Mamba1Spec,
    Mamba2Spec,
    NormSpec,
    QkNormSpec,
    RopeScaling,
    RopeSpec,
    YarnScaling,
)
from secretariat.models.nets.mixers import attention
from secretariat.models.nets.mixers.step import Step
from secretariat.models.nets.rotary import inverse_frequencies, rotate, rotation
from tests.models.nets.tiny import (
    NORM,
    WIDTH,
    assert_close,
    assert_exact,
    batch,
    config,
    first_layer,
    network,
    pages,
)

PLAIN = AttentionSpec(heads=6, kv_heads=2, head_dim=8, rope=None)
ATTENTIONS = {
    "plain": PLAIN,
    "one key head": replace(PLAIN, kv_heads=1),
    "rope": replace(PLAIN, rope=RopeSpec(100.0, 8)),
    "rope interleaved": replace(PLAIN, rope=RopeSpec(100.0, 8, "interleaved")),
    "rope partial": replace(PLAIN, rope=RopeSpec(100.0, 4)),
    "rope partial interleaved": replace(PLAIN, rope=RopeSpec(100.0, 4, "interleaved")),
    "rope yarn": replace(PLAIN, rope=RopeSpec(100.0, 8, scaling=YarnScaling(4.0, 64))),
    "norm of heads alike": replace(PLAIN, qk_norm=QkNormSpec(NormSpec("rms", 1e-3), "head")),
    "norm of each head": replace(PLAIN, qk_norm=QkNormSpec(NormSpec("layer", 1e-3), "heads")),
    "norm of all heads": replace(
        PLAIN, qk_norm=QkNormSpec(NormSpec("rms", 1e-3), "all"), rope=RopeSpec(100.0, 8)
    ),
    "clip": replace(PLAIN, clip=0.7, rope=RopeSpec(100.0, 8)),
    "norm then clip": replace(PLAIN, clip=0.7, qk_norm=QkNormSpec(NormSpec("rms"), "head")),
    "window": replace(PLAIN, window=5),
    "window of one": replace(PLAIN, window=1),
    "window with sinks": replace(PLAIN, window=18, sinks=2),
    "scale": replace(PLAIN, scale=0.9),
    "soft cap": replace(PLAIN, soft_cap=0.3),
    "biases": replace(PLAIN, qkv_bias=True, out_bias=True),
}
MAMBAS1 = {
    f"{norms}{' with biases' * bias}": Mamba1Spec(
        20, 5, 4, 3, norms=norms, norm_eps=1e-3, proj_bias=bias, conv_bias=not bias
    )
    for norms in (None, "plain", "weighted")
    for bias in (False, True)
}
MAMBA2 = Mamba2Spec(heads=4, head_dim=6, state=7, groups=2, conv=4, norm_eps=1e-3)
MAMBAS2 = {
    "gate first": MAMBA2,
    "gate after": replace(MAMBA2, gate="after"),
    "gate alone": replace(MAMBA2, gate=None),
    "one group": replace(MAMBA2, groups=1),
    "a group a head": replace(MAMBA2, groups=4),
    "dt limits": replace(MAMBA2, dt_limit=(0.02, 0.05)),
    "multipliers": replace(MAMBA2, multipliers=(0.5, 2.0, 1.5, 0.7, 1.2)),
    "biases, two taps": replace(MAMBA2, proj_bias=True, conv_bias=False, conv=2),
}


def mixed(spec, x_NE, cuts=()):
    """The mixer and its outputs for one sequence that arrives in pieces."""
    net = network(config(LayerSpec((spec,), None, NORM)))
    for pool in (*net.memory.keys, *net.memory.values, *net.memory.conv, *net.memory.recurrent):
        pool.fill_(torch.nan)
    mixer, rows = first_layer(net).mixers[0], []
    for start, end in pairwise([0, *cuts, len(x_NE)]):
        work = (Run(start, end - start, pages(6, 1, 13, 4, 2), slot=2), [0] * (end - start))
        step = Step.of(batch(work), net.memory)
        rope = getattr(spec, "rope", None)
        if rope is not None:
            step.rotations[rope] = rotation(step.positions_N, inverse_frequencies(rope, 256), torch.float64)
        with torch.inference_mode():
            rows.append(mixer(x_NE[start:end], step))
    return mixer, torch.cat(rows)


def inputs(tokens):
    return torch.randn(tokens, WIDTH, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


def standard(x, spec):
    x = x - x.mean() if spec.kind == "layer" else x
    return x / torch.sqrt((x**2).mean() + spec.eps)


def turned(vector, position, rope):
    """Each pair as a complex number."""
    frequencies, factor = inverse_frequencies(rope, 256)
    out = vector.clone()
    for pair, frequency in enumerate(frequencies.tolist()):
        first, second = (pair, pair + rope.dims // 2) if rope.pairs == "half" else (2 * pair, 2 * pair + 1)
        angle = position * frequency
        point = complex(vector[first], vector[second]) * complex(math.cos(angle), math.sin(angle)) * factor
        out[first], out[second] = point.real, point.imag
    return out


def qk_normed(rows_NHD, norm, spec):
    if spec.over == "all":
        return torch.stack(
            [(standard(row, spec.norm).flatten() * norm.weight).view_as(row) for row in rows_NHD]
        )
    weight_HD = norm.weight.expand(rows_NHD.shape[1:])
    normed = [[standard(head, spec.norm) for head in row] for row in rows_NHD]
    return torch.stack([torch.stack(row) for row in normed]) * weight_HD


def attention_by_definition(mixer, spec, x_NE):
    qkv = x_NE @ mixer.qkv.weight.T + (mixer.qkv.bias if spec.qkv_bias else 0)
    q, k, v = qkv.view(len(x_NE), -1, spec.head_dim).split([spec.heads, spec.kv_heads, spec.kv_heads], dim=1)
    if spec.qk_norm:
        q, k = qk_normed(q, mixer.q_norm, spec.qk_norm), qk_normed(k, mixer.k_norm, spec.qk_norm)
    if spec.clip:
        q, k, v = (part.clamp(-spec.clip, spec.clip) for part in (q, k, v))
    if spec.rope:
        q, k = (
            torch.stack([torch.stack([turned(h, t, spec.rope) for h in row]) for t, row in enumerate(part)])
            for part in (q, k)
        )
    rows = []
    for t in range(len(x_NE)):
        heads = []
        for head in range(spec.heads):
            of = head // spec.group
            seen = [s for s in range(t + 1) if spec.window is None or s > t - spec.window or s < spec.sinks]
            scores = k[seen, of] @ q[t, head] * (spec.scale or spec.head_dim**-0.5)
            if spec.soft_cap:
                scores = spec.soft_cap * torch.tanh(scores / spec.soft_cap)
            heads.append(scores.softmax(0) @ v[seen, of])
        rows.append(torch.cat(heads))
    return torch.stack(rows) @ mixer.out.weight.T + (mixer.out.bias if spec.out_bias else 0)


@pytest.mark.parametrize("block", [1, 128])
@pytest.mark.parametrize("name", ATTENTIONS)
def test_attention_by_its_definition(name, block, monkeypatch):
    """43 tokens over three pages, read one page at a time or all at once."""
    monkeypatch.setattr(attention, "_PAGES", block)
    spec, x = ATTENTIONS[name], inputs(43)
    mixer, got = mixed(spec, x)
    assert_exact(got, attention_by_definition(mixer, spec, x))
    for cuts in ([1, 16, 17], [40], [30, 31, 33, 37]):
        assert_exact(mixed(spec, x, cuts)[1], got)


def convolved(x_TC, conv):
    taps = conv.weight.shape[1]
    rows = []
    for t in range(len(x_TC)):
        row = sum(conv.weight[:, j] * x_TC[t - taps + 1 + j] for j in range(taps) if t - taps + 1 + j >= 0)
        row = row + (conv.bias if conv.bias is not None else 0)
        rows.append(row / (1 + torch.exp(-row)))
    return torch.stack(rows)


def silu(x):
    return x / (1 + torch.exp(-x))


def mamba1_by_definition(mixer, spec, u_NE):
    inner, state = spec.inner, spec.state
    x, z = mixer.in_proj(u_NE).split(inner, dim=1)
    x = convolved(x, mixer.conv)
    h = torch.zeros(inner, state, dtype=torch.float64)
    rows = []
    for x_I, z_I in zip(x, z, strict=True):
        dt, b, c = (mixer.x_proj.weight @ x_I).split([spec.dt_rank, state, state])
        if spec.norms:
            dt, b, c = (standard(part, NormSpec("rms", spec.norm_eps)) for part in (dt, b, c))
        if spec.norms == "weighted":
            dt, b, c = dt * mixer.dt_norm.weight, b * mixer.b_norm.weight, c * mixer.c_norm.weight
        dt = torch.log1p(torch.exp(mixer.dt_proj.weight @ dt + mixer.dt_proj.bias))
        h = torch.exp(-dt[:, None] * torch.exp(mixer.A_log)) * h + (dt * x_I)[:, None] * b
        rows.append((h @ c + mixer.D * x_I) * silu(z_I))
    return mixer.out_proj(torch.stack(rows))


def mamba2_by_definition(mixer, spec, u_NE):
    inner, grouped, heads = spec.inner, spec.groups * spec.state, spec.heads
    parts = mixer.in_proj(u_NE).split([inner, inner, grouped, grouped, heads], dim=1)
    z, x, b, c, dt = (part * by for part, by in zip(parts, spec.multipliers, strict=True))
    x, b, c = convolved(torch.cat((x, b, c), dim=1), mixer.conv).split([inner, grouped, grouped], dim=1)
    h = torch.zeros(heads, spec.head_dim, spec.state, dtype=torch.float64)
    rows = []
    for t in range(len(u_NE)):
        y = torch.empty(heads, spec.head_dim, dtype=torch.float64)
        for head in range(heads):
            of = slice(head // (heads // spec.groups) * spec.state, None)
            b_S, c_S = b[t, of][: spec.state], c[t, of][: spec.state]
            x_P = x[t].view(heads, -1)[head]
            step = torch.log1p(torch.exp(dt[t, head] + mixer.dt_bias[head])).clamp(*spec.dt_limit)
            h[head] = torch.exp(-step * torch.exp(mixer.A_log[head])) * h[head] + step * torch.outer(x_P, b_S)
            y[head] = h[head] @ c_S + mixer.D[head] * x_P
        y, gate = y.flatten(), silu(z[t])
        if spec.gate == "before":
            y = y * gate
        if spec.gate:
            runs = [standard(run, NormSpec("rms", spec.norm_eps)) for run in y.view(spec.groups, -1)]
            y = torch.cat(runs) * mixer.norm.weight
        rows.append(y if spec.gate == "before" else y * gate)
    return mixer.out_proj(torch.stack(rows))


@pytest.mark.parametrize("name", MAMBAS1)
def test_mamba1_by_its_definition(name):
    """More tokens than are scanned at a time, in pieces shorter and longer than the convolution."""
    spec, x = MAMBAS1[name], inputs(70)
    mixer, got = mixed(spec, x)
    assert_exact(got, mamba1_by_definition(mixer, spec, x))
    for cuts in ([1, 2, 5, 40], [33], list(range(1, 9))):
        assert_close(mixed(spec, x, cuts)[1], got)


@pytest.mark.parametrize("name", MAMBAS2)
def test_mamba2_by_its_definition(name):
    spec, x = MAMBAS2[name], inputs(70)
    mixer, got = mixed(spec, x)
    assert_exact(got, mamba2_by_definition(mixer, spec, x))
    for cuts in ([1, 2, 5, 40], [65], list(range(1, 9))):
        assert_close(mixed(spec, x, cuts)[1], got)


@pytest.mark.parametrize("spec", [MAMBA2, MAMBAS1["weighted"]], ids=["mamba2", "mamba1"])
def test_states_that_forget_at_once_stay_finite(spec):
    """Decays of exp(-500) a token: their quotients would be 0 / 0."""
    net = network(config(LayerSpec((spec,), None, NORM)))
    mixer = first_layer(net).mixers[0]
    mixer.A_log.fill_(5.0)
    (mixer.dt_bias if isinstance(spec, Mamba2Spec) else mixer.dt_proj.bias).fill_(4.0)
    step = Step.of(batch((Run(0, 70, pages(0, 1, 2, 3, 4), slot=1), [0] * 70)), net.memory)
    with torch.inference_mode():
        out = mixer(inputs(70), step)
        definition = mamba2_by_definition if isinstance(spec, Mamba2Spec) else mamba1_by_definition
        assert_exact(out, definition(mixer, spec, inputs(70)))


SCALINGS: dict[str, tuple[RopeScaling | None, dict[str, Any]]] = {
    "default": (None, {}),
    "linear": (LinearScaling(4.0), {"factor": 4.0}),
    "dynamic": (DynamicScaling(4.0, 64), {"factor": 4.0}),
    "yarn": (YarnScaling(4.0, 64), {"factor": 4.0, "original_max_position_embeddings": 64}),
    "yarn exact ramp": (
        YarnScaling(8.0, 64, beta_fast=16.0, beta_slow=2.0, attention_factor=1.1, truncate=False),
        {"factor": 8.0, "original_max_position_embeddings": 64, "beta_fast": 16.0, "beta_slow": 2.0,
         "attention_factor": 1.1, "truncate": False},
    ),
    "llama3": (
        Llama3Scaling(8.0, 1.0, 4.0, 64),
        {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64},
    ),
    "longrope": (
        LongRopeScaling(tuple([1.5] * 16), tuple(1.0 + pair for pair in range(16)), 64, 1.2),
        {"short_factor": [1.5] * 16, "long_factor": [1.0 + pair for pair in range(16)], "factor": 4.0,
         "attention_factor": 1.2, "original_max_position_embeddings": 64},
    ),
}  # fmt: skip


@pytest.mark.parametrize("context", [64, 256])
@pytest.mark.parametrize("name", SCALINGS)
def test_frequencies_are_those_that_models_were_trained_with(name, context):
    """transformers, asked for a sequence as long as the context."""
    from transformers import LlamaConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    scaling, fields = SCALINGS[name]
    ours, factor = inverse_frequencies(RopeSpec(10000.0, 32, scaling=scaling), context)
    assert ours.dtype == torch.float64
    kind = name.split()[0]
    if kind == "default":
        theirs, their_factor = torch.tensor([10000.0 ** (-2 * pair / 32) for pair in range(16)]), 1.0
    else:
        theirs, their_factor = ROPE_INIT_FUNCTIONS[kind](
            LlamaConfig(
                hidden_size=64, num_attention_heads=2, max_position_embeddings=64,
                rope_parameters={"rope_type": kind, "rope_theta": 10000.0, **fields},
            ),
            torch.device("cpu"),
            seq_len=context,
        )  # fmt: skip
    torch.testing.assert_close(ours, theirs.double(), rtol=1e-6, atol=0)
    assert factor == pytest.approx(their_factor)


def test_far_positions_are_turned_exactly():
    """Angles of a million radians, whose float32 would be off by a sixteenth."""
    spec = RopeSpec(10000.0, 4)
    by = rotation(torch.tensor([1_000_003]), inverse_frequencies(spec, 1 << 20), torch.float32)
    x = torch.tensor([[[1.0, 0.0, 0.0, 2.0]]])
    torch.testing.assert_close(
        rotate(x, by, spec)[0, 0, ::2], torch.tensor([math.cos(1_000_003), math.sin(1_000_003)])
    )
