"""A matrix whose parts a file stores in different formats: held in 8 bits, and planned as it is held."""

from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType as Format

from secretariat.models.kernels.library import library
from secretariat.models.kernels.linear.packing import unpack
from secretariat.models.nets.checkpoint import Checkpoint, open_checkpoint
from secretariat.models.nets.load import build_network
from secretariat.models.nets.native.builder import pack_weight
from secretariat.models.nets.native.network import NativeNetwork
from secretariat.models.planning.plan import Demand, plan
from tests.models.nets.tiny_gguf import checkpoint

WIDTH, KEYS = 64, 32
QKV = "layers.0.mixers.0.qkv.weight"
NUMBERS = {"embedding_length": WIDTH, "feed_forward_length": WIDTH}
SHAPES = {
    "token_embd.weight": (4, WIDTH), "output_norm.weight": (WIDTH,), "blk.0.attn_norm.weight": (WIDTH,),
    "blk.0.attn_q.weight": (WIDTH, WIDTH), "blk.0.attn_k.weight": (KEYS, WIDTH),
    "blk.0.attn_v.weight": (KEYS, WIDTH), "blk.0.attn_output.weight": (WIDTH, WIDTH),
    "blk.0.ffn_norm.weight": (WIDTH,), "blk.0.ffn_gate.weight": (WIDTH, WIDTH),
    "blk.0.ffn_up.weight": (WIDTH, WIDTH), "blk.0.ffn_down.weight": (WIDTH, WIDTH),
}  # fmt: skip
MATRICES = [name for name, shape in SHAPES.items() if len(shape) == 2]


def opened(directory: Path, **others: Format) -> Checkpoint:
    """All matrices in Q4_0, those named in `others` (as attn_v) in another format."""
    formats = dict.fromkeys(MATRICES, Format.Q4_0)
    formats |= {f"blk.0.{name}.weight": form for name, form in others.items()}
    return open_checkpoint(checkpoint(directory, tensors=SHAPES, numbers=NUMBERS, formats=formats))


@pytest.mark.parametrize(
    ("others", "held"),
    [
        ({}, "Q4_0"),
        ({"attn_v": Format.Q8_0}, "Q8_0"),
        ({"attn_k": Format.Q4_1, "attn_v": Format.Q8_0}, "Q8_0"),
        ({"attn_v": Format.Q4_1}, "Q8_0"),
        ({"attn_v": Format.F16}, "F32"),
    ],
)
def test_parts_of_several_quantised_formats_are_held_in_8_bits(
    tmp_path: Path, others: dict[str, Format], held: str
):
    found = opened(tmp_path, **others)
    assert found.stored[QKV] == held
    assert found.stored["layers.0.feed_forward.down.weight"] == "Q4_0"


def test_they_stay_within_half_a_step_of_what_is_stored_and_equal_it_in_float32(tmp_path: Path):
    found = opened(tmp_path, attn_v=Format.Q8_0)
    expected = found.weights[QKV].floats()
    np.testing.assert_array_equal(unpack(pack_weight(found.weights, QKV, "float32")).numpy(), expected)
    kept = unpack(pack_weight(found.weights, QKV, None)).numpy()
    steps = np.abs(expected).reshape(len(expected), -1, 32).max(axis=-1) / 127
    error = np.abs(kept - expected).reshape(len(expected), -1, 32).max(axis=-1)
    assert (error <= steps * (0.5 + 127 * 2.0**-11)).all()  # the scale itself is rounded to float16


@pytest.mark.skipif(library() is None, reason="needs a C++ compiler")
def test_the_plan_says_what_the_network_takes(tmp_path: Path):
    found = opened(tmp_path, attn_v=Format.Q8_0)
    network = build_network(found, backend="native", threads=1)
    assert isinstance(network, NativeNetwork)
    assert network.arithmetic.weights == "q4+q8"
    vectors = sum(source.floats().nbytes for source in found.weights.values() if len(source.shape) == 1)
    planned = plan(found.config, Demand(1), stored=found.stored).weights["as stored"]
    packed = {id(matrix): matrix.nbytes for matrix in network._packed.values()}
    assert sum(packed.values()) + vectors == planned
