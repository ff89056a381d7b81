"""A checkpoint as what was learnt on top of another: low-rank changes of matrices, and small tensors whole.

A change is a pair `<module>.down` [R, I] and `<module>.up` [O, R] under Llama's names; the module's weight is the
base's plus up · down. A branch that the base hasn't begins from the attention beside it (`branch_start.py`). Whole
tensors stand for the ones of their names. Nothing is read before it is asked for, and merged then.

Knows no files. Shape letters: O outputs, I inputs, R rank.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from secretariat.models.errors import ModelError
from secretariat.models.nets.branch_start import branch_of, branch_start, small_start
from secretariat.models.nets.config import AttentionSpec, DecoderConfig, LowRankMoeSpec, Mamba2Spec, MlpSpec
from secretariat.models.nets.weights import Computed, Floats, Reshaped, Source, Weights, held_as

_PLAIN = ("F32", "F16", "BF16")
_IN_LAYER = re.compile(r"model\.layers\.(\d+)\.(.+)")
_WHOLE: Mapping[str, str] = {
    "input_layernorm.weight": "norm.weight",
    "post_attention_layernorm.weight": "feed_forward_norm.weight",
    **{
        f"mamba.{theirs}": f"mixers.1.{ours}"
        for theirs, ours in {
            "conv1d.weight": "conv.weight", "conv1d.bias": "conv.bias", "dt_bias": "dt_bias", "A_log": "A_log",
            "D": "D", "norm.weight": "norm.weight", "in_proj.weight": "in_proj.weight",
            "out_proj.weight": "out_proj.weight",
        }.items()
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Change:
    """Added to rows `first` … `first + count` of a matrix of ours."""

    first: int
    down: Source
    up: Source


def merged(
    base: Weights,
    dense: DecoderConfig,
    config: DecoderConfig,
    deltas: Mapping[str, Source],
    held: str | None = None,
) -> Weights:
    """Weights of `config` from those of the `dense` network that it was made of. `held`: GGUF's name of the format
    that keeps what is changed; by default 8 bits where the base has fewer, else the base's.

    Raises ModelError("checkpoint_invalid") naming a tensor that has no place, no partner or another shape.
    """
    start = {**base, **_branches(base, dense, config, held)}
    changes: dict[str, list[_Change]] = {}
    for name, source in deltas.items():
        if name.endswith(".up"):
            continue
        if not name.endswith(".down"):
            ours = _whole(name)
            start[ours] = _shaped(name, source, start.get(ours))
            continue
        module = name.removesuffix(".down")
        ours, first, rows = _rows(module, config)
        if f"{module}.up" not in deltas or ours not in start:
            raise _invalid(name, "has no place in this network" if ours not in start else "lacks its .up")
        change = _Change(first, source, deltas[f"{module}.up"])
        _check(module, change, rows, start[ours].shape[1])
        changes.setdefault(ours, []).append(change)
    for name in deltas:
        if name.endswith(".up") and f"{name.removesuffix('.up')}.down" not in deltas:
            raise _invalid(name, "lacks its .down")
    for ours, some in changes.items():
        start[ours] = _changed(start[ours], some, held)
    if config.tied_embeddings:
        start["head.weight"] = start["embedding.weight"]
    return start


def _branches(
    base: Weights, dense: DecoderConfig, config: DecoderConfig, held: str | None
) -> dict[str, Source]:
    """Where each branch begins that `dense` hasn't."""
    found: dict[str, Source] = {}
    for number, (before, after) in enumerate(zip(dense.layers, config.layers, strict=True)):
        if len(after.mixers) == len(before.mixers):
            continue
        seeing, branch = after.mixers
        assert isinstance(branch, Mamba2Spec)
        assert isinstance(seeing, AttentionSpec)
        if replace(branch_of(seeing), gate=branch.gate, conv=branch.conv) != branch:
            raise ModelError(
                "checkpoint_invalid", f"the branch of layer {number} can't begin from its attention"
            )
        at = f"layers.{number}.mixers"
        found |= _branch(
            base[f"{at}.0.qkv.weight"], base[f"{at}.0.out.weight"], seeing, branch, f"{at}.1.", held
        )
    return found


def _branch(
    qkv: Source, out: Source, seeing: AttentionSpec, branch: Mamba2Spec, at: str, held: str | None
) -> dict[str, Source]:
    def matrix(name: str) -> Callable[[], Floats]:
        return lambda: branch_start(qkv.floats(), out.floats(), seeing, branch)[name]

    def small(name: str) -> Callable[[], Floats]:
        return lambda: small_start(seeing, branch)[name]

    return {
        f"{at}{name}": Computed(shape, _kept(qkv, held), matrix(name))
        if name.endswith("proj.weight")
        else Computed(shape, "F32", small(name))
        for name, shape in _shapes(qkv.shape[1], branch).items()
    }


def _shapes(width: int, branch: Mamba2Spec) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(("dt_bias", "A_log", "D"), (branch.heads,))
    if branch.gate is not None:
        shapes["norm.weight"] = (branch.inner,)
    return shapes | {
        "in_proj.weight": (branch.inner + branch.conv_width + branch.heads, width),
        "out_proj.weight": (width, branch.inner),
        "conv.weight": (branch.conv_width, branch.conv),
        "conv.bias": (branch.conv_width,),
    }


def _whole(name: str) -> str:
    if name == "model.norm.weight":
        return "norm.weight"
    found = _IN_LAYER.fullmatch(name)
    if found is None or found[2] not in _WHOLE:
        raise _invalid(name, "has no place in this network")
    return f"layers.{int(found[1])}.{_WHOLE[found[2]]}"


def _shaped(name: str, source: Source, instead: Source | None) -> Source:
    """A convolution is stored with a dimension of 1 in the middle."""
    if instead is None:
        raise _invalid(name, "has no place in this network")
    shape = (
        (source.shape[0], source.shape[2])
        if source.shape[1:2] == (1,) and len(source.shape) == 3
        else source.shape
    )
    if shape != instead.shape:
        raise _invalid(name, f"has shape {source.shape}, not {instead.shape}")
    return source if shape == source.shape else Reshaped(source, shape)


def _rows(module: str, config: DecoderConfig) -> tuple[str, int, int]:
    """The matrix of ours that a module of Llama's is in, its first row there and how many there are."""
    found = _IN_LAYER.fullmatch(module)
    if found is None or int(found[1]) >= len(config.layers):
        raise _invalid(f"{module}.down", "has no place in this network")
    layer = config.layers[int(found[1])]
    seeing, feed_forward = layer.mixers[0], layer.feed_forward
    if isinstance(feed_forward, LowRankMoeSpec):
        feed_forward = feed_forward.mlp
    assert isinstance(seeing, AttentionSpec)
    assert isinstance(feed_forward, MlpSpec)
    queries, keys = seeing.heads * seeing.head_dim, seeing.kv_heads * seeing.head_dim
    places = {
        "self_attn.q_proj": ("mixers.0.qkv", 0, queries),
        "self_attn.k_proj": ("mixers.0.qkv", queries, keys),
        "self_attn.v_proj": ("mixers.0.qkv", queries + keys, keys),
        "self_attn.o_proj": ("mixers.0.out", 0, config.width),
        "mlp.gate_proj": ("feed_forward.gate_up", 0, feed_forward.hidden),
        "mlp.up_proj": ("feed_forward.gate_up", feed_forward.hidden, feed_forward.hidden),
        "mlp.down_proj": ("feed_forward.down", 0, config.width),
    }
    for branch in layer.mixers[1:]:
        assert isinstance(branch, Mamba2Spec)
        rows = branch.inner + branch.conv_width + branch.heads
        places["mamba.in_proj"] = ("mixers.1.in_proj", 0, rows)
        places["mamba.out_proj"] = ("mixers.1.out_proj", 0, config.width)
    if found[2] not in places:
        raise _invalid(f"{module}.down", "has no place in this network")
    matrix, first, rows = places[found[2]]
    return f"layers.{int(found[1])}.{matrix}.weight", first, rows


def _check(module: str, change: _Change, rows: int, inputs: int) -> None:
    rank = change.down.shape[0]
    if change.down.shape != (rank, inputs) or change.up.shape != (rows, rank):
        raise _invalid(
            module, f"has {change.up.shape} · {change.down.shape}, not ({rows}, R) · (R, {inputs})"
        )


def _changed(source: Source, changes: list[_Change], held: str | None) -> Source:
    def floats() -> Floats:
        whole = source.floats().copy()
        for change in changes:
            up = change.up.floats()
            whole[change.first : change.first + len(up)] += up @ change.down.floats()
        return whole

    return Computed(source.shape, _kept(source, held), floats)


def _kept(source: Source, held: str | None) -> str:
    """In as few bits as a quantised base has, rounding would take back a part of what was learnt."""
    own = held_as(source)
    return held or (own if own in _PLAIN else "Q8_0")


def _invalid(name: str, problem: str) -> ModelError:
    return ModelError("checkpoint_invalid", f"tensor {name} {problem}")
