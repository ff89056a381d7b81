"""The compiled encoder: near the float32 one, the same bits in any company, and torch where it doesn't fit."""

import numpy as np
import pytest
import torch

from secretariat.models.kernels.library import library
from secretariat.models.kernels.processor import available
from secretariat.models.nets.config import EncoderConfig
from secretariat.models.nets.encoder import Encoder, TorchTexts
from secretariat.models.nets.native.encoder import NativeEncoder, Portions, fits
from secretariat.models.nets.weights import Values

CONFIG = EncoderConfig(
    vocab=50, width=64, layers=2, heads=2, hidden=96, positions=41, token_types=2, norm_eps=1e-12,
    first_position=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    torch.manual_seed(3)
    made = Encoder(CONFIG)
    for name, tensor in made.state_dict().items():
        norm = name.endswith("norm.weight")
        tensor.copy_(torch.rand_like(tensor) + 0.5 if norm else torch.randn_like(tensor) / 8)
    return made.eval()


@pytest.fixture(params=[isa.name for isa in available()])
def native(encoder, request) -> NativeEncoder:
    compiled = library(request.param)
    if compiled is None:
        pytest.skip("no C++ compiler: install g++ to test the compiled operations")
    weights = {name: Values(tensor.numpy()) for name, tensor in encoder.state_dict().items()}
    return NativeEncoder(CONFIG, weights, compiled, threads=2)


def rows() -> list[list[int]]:
    draw = np.random.default_rng(0)
    return [draw.integers(0, CONFIG.vocab, length).tolist() for length in (40, 1, 7, 33, 2, *[9] * 130)]


def test_vectors_and_token_vectors_are_near_those_of_torch(native, encoder):
    expected, vectors = TorchTexts(encoder).vectors(rows()), native.vectors(rows())
    assert (vectors * expected).sum(axis=1).min() > 0.999
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for ours, theirs in zip(
        native.token_vectors(rows()), TorchTexts(encoder).token_vectors(rows()), strict=True
    ):
        assert ours.shape == theirs.shape
        assert ours.dtype == np.float16
        assert (ours.astype(np.float32) * theirs).sum(axis=1).min() > 0.995


def test_no_bit_of_a_text_depends_on_its_company(native):
    whole, tokens = native.vectors(rows()), native.token_vectors(rows())
    for index in (0, 1, 2, 3, 4, 20):
        row = rows()[index]
        assert np.array_equal(native.vectors([row])[0], whole[index])
        assert np.array_equal(native.token_vectors([[5], row, row])[2], tokens[index])
    assert native.vectors([]).shape == (0, CONFIG.width)


def test_what_the_tables_do_not_have_is_refused(native):
    for bad in ([CONFIG.vocab], [-1], [1] * 41, []):
        with pytest.raises(AssertionError):
            native.vectors([bad])


def test_portions_become_smaller_towards_the_end_and_hold_every_text_once():
    lengths = [5, 1, 4, 9, 200, *[30] * 20]
    portions = Portions(lengths, short=4, most=128, parts=4)
    taken = []
    while some := portions.take():
        taken.append(some)
    assert taken[0] == [4], "a text longer than a portion goes alone, first"
    sizes = [sum(lengths[index] for index in some) for some in taken]
    assert all(size <= 128 for size in sizes[1:])
    assert sizes == sorted(sizes, reverse=True)
    assert taken[-1] == [2, 1] or taken[-2:] == [[2], [1]], "short texts come by themselves"
    assert sorted(index for some in taken for index in some) == list(range(len(lengths)))
    assert portions.take() == []


@pytest.mark.parametrize("threads", [1, 3])
def test_no_bit_depends_on_how_many_read(encoder, native, threads):
    weights = {name: Values(tensor.numpy()) for name, tensor in encoder.state_dict().items()}
    others = NativeEncoder(CONFIG, weights, native.library, threads=threads)
    assert np.array_equal(others.vectors(rows()), native.vectors(rows()))


@pytest.mark.parametrize("change", [{"width": 48}, {"hidden": 100}, {"heads": 4}])
def test_widths_that_the_operations_do_not_work_in(change):
    assert fits(CONFIG)
    assert not fits(EncoderConfig(**{**{f: getattr(CONFIG, f) for f in CONFIG.__slots__}, **change}))
