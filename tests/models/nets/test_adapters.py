"""Adapters in one batch, on both backends, against networks whose weights were changed for good in float64."""

from typing import Any

import numpy as np
import pytest
import torch

from secretariat.models.adapters.svf import make_basis
from secretariat.models.engine.adapters import Adapters, Pause
from secretariat.models.errors import ModelError
from secretariat.models.kernels.library import library
from secretariat.models.kernels.svf.reference import dense
from secretariat.models.nets.adapters import AdapterPlan, Lora, LowRank, SvfBasis, SvfVector
from secretariat.models.nets.batch import Run
from secretariat.models.nets.config import LayerSpec
from secretariat.models.nets.decoder import Decoder, TorchNetwork
from secretariat.models.nets.memory import MemorySize
from secretariat.models.nets.native.network import NativeNetwork
from secretariat.models.nets.weights import Values
from tests.models.nets.tiny import (
    ATTENTION,
    MAMBA1,
    MAMBA2,
    MLP,
    NORM,
    WIDTH,
    batch,
    config,
    pages,
    random_decoder,
    random_tokens,
)

SHAPE = config(
    LayerSpec((MAMBA2,), MLP, NORM), LayerSpec((ATTENTION,), MLP, NORM), LayerSpec((MAMBA1,), MLP, NORM)
)
SIZE = MemorySize(pages=16, slots=8)
DIRECTIONS = 6


def weights_of(decoder: Decoder) -> dict[str, Values]:
    return {name: Values(value.numpy()) for name, value in decoder.state_dict().items()}


def lora() -> Lora:
    draw = torch.Generator().manual_seed(1)

    def piece(matrix: str, first: int, rows: int, inputs: int) -> LowRank:
        down_RI, up_OR = (torch.randn(s, generator=draw) * 0.3 for s in ((4, inputs), (rows, 4)))
        return LowRank(matrix, first, down_RI, up_OR)

    return Lora(
        "low",
        "1" * 64,
        (
            piece("layers.0.mixers.0.in_proj", 0, 24 + 24 + 28 + 4, WIDTH),
            piece("layers.1.mixers.0.qkv", 48, 16, WIDTH),
            piece("layers.1.feed_forward.down", 0, WIDTH, 40),
            piece("layers.2.mixers.0.x_proj", 0, 13, 40),
        ),
    )


def vector(basis: SvfBasis) -> SvfVector:
    draw = np.random.default_rng(2)
    count = len(basis.directions)
    z = tuple(draw.normal(1, 0.3, DIRECTIONS).astype(np.float32) for _ in range(count))
    rest, scale = (tuple(draw.normal(1, 0.1, count).tolist()) for _ in range(2))
    return SvfVector("vector", "2" * 64, basis.digest, z, rest, scale)


def changed(adapter: Lora | SvfVector | None, basis: SvfBasis) -> TorchNetwork:
    """The network with the adapter's effect in its weights, in float64."""
    decoder: Any = random_decoder(SHAPE, std=0.3).double()
    if isinstance(adapter, Lora):
        for piece in adapter.pieces:
            weight_OI = decoder.get_submodule(piece.matrix).weight
            rows = slice(piece.first, piece.first + len(piece.up_OR))
            weight_OI[rows] += piece.up_OR.double() @ piece.down_RI.double()
    if isinstance(adapter, SvfVector):
        for at, part in enumerate(basis.directions):
            rows = slice(part.first, part.first + part.count)
            weight_OI = decoder.get_submodule(part.matrix).weight
            u, sigma, vt = torch.linalg.svd(weight_OI[rows], full_matrices=False)
            z = torch.full_like(sigma, adapter.rest[at])
            z[:DIRECTIONS] = torch.from_numpy(adapter.z[at]).double()
            weight_OI[rows] = dense(u, sigma, vt.T, z, adapter.scale[at])
    network = TorchNetwork(decoder)
    network.allocate(MemorySize(16, 8, torch.float64))
    return network


@pytest.fixture(scope="module")
def basis() -> SvfBasis:
    return make_basis(weights_of(random_decoder(SHAPE, std=0.3)), SHAPE, DIRECTIONS)


@pytest.fixture(params=["torch", "native"])
def adapted(request, basis) -> Any:
    plan = AdapterPlan(rows=3, rank=4, basis=basis)
    decoder = random_decoder(SHAPE, std=0.3)
    network: Any = TorchNetwork(decoder, adapters=plan)
    if request.param == "native":
        compiled = library()
        if compiled is None:
            pytest.skip("no C++ compiler: install g++ to test the compiled operations")
        network = NativeNetwork(SHAPE, weights_of(decoder), compiled, threads=2, adapters=plan)
    network.allocate(SIZE)
    network.adapters.set(1, lora())
    network.adapters.set(2, vector(basis))
    return network


RUNS = ((0, 5), (1, 3), (2, 6), (1, 1))  # adapter row and tokens


def together(network) -> list[torch.Tensor]:
    work = [
        (Run(0, count, pages(at), slot=at + 1, adapter=row), random_tokens(count, at))
        for at, (row, count) in enumerate(RUNS)
    ]
    return list(network.forward(batch(*work)).clone().split([count for _, count in RUNS]))


def test_each_run_of_a_mixed_batch_gets_its_own_adapter(adapted, basis):
    found = together(adapted)
    for at, (row, count) in enumerate(RUNS):
        adapter = (None, lora(), vector(basis))[row]
        alone = changed(adapter, basis)
        expected = alone.forward(batch((Run(0, count, pages(0), slot=1), random_tokens(count, at))))
        error = float((found[at] - expected).abs().max() / expected.abs().max())
        assert error < (1e-4 if row < 2 else 1e-2), f"run {at}: {error}"  # native keeps the basis in 8 bits


def test_a_run_without_an_adapter_has_the_bits_it_has_alone(adapted):
    if not adapted.arithmetic.exact:
        pytest.skip("torch's sums depend on the batch: the native backend promises this")
    found = together(adapted)
    again = adapted.forward(batch((Run(0, 5, pages(9), slot=7), random_tokens(5, 0))))
    assert torch.equal(found[0], again)


def test_a_cleared_row_is_the_base_model(adapted):
    adapted.adapters.clear(1)
    adapted.adapters.clear(2)
    found = together(adapted)
    for at, (_, count) in enumerate(RUNS):
        run = Run(0, count, pages(9), slot=7)
        torch.testing.assert_close(found[at], adapted.forward(batch((run, random_tokens(count, at)))))


def test_a_rank_or_a_basis_that_does_not_fit_is_refused(adapted):
    wide = Lora(
        "wide", "3" * 64, (LowRank("layers.1.mixers.0.qkv", 0, torch.zeros(5, WIDTH), torch.zeros(16, 5)),)
    )
    with pytest.raises(ModelError, match="rank 5"):
        adapted.adapters.set(1, wide)
    with pytest.raises(ModelError, match="row 4"):
        adapted.adapters.set(4, lora())


class TestNames:
    """Adapters by name over the rows of a network."""

    @pytest.fixture
    def busy(self) -> set[int]:
        return set()

    @pytest.fixture
    def named(self, adapted, busy, tmp_path, monkeypatch) -> Adapters:
        monkeypatch.setattr(
            "secretariat.models.engine.adapters.read_lora", lambda _source, _config, **_partial: lora()
        )
        return Adapters(adapted.adapters, SHAPE, Pause(lambda work: work(), lambda: busy))

    def test_a_name_is_known_between_load_and_unload(self, named, tmp_path):
        named.load("mine", tmp_path)
        assert named.names() == ["mine"]
        assert named.use("mine").row == 1
        named.unload("mine")
        with pytest.raises(ModelError, match="mine"):
            named.use("mine")

    def test_a_row_that_a_request_still_carries_is_not_given_away(self, named, busy, tmp_path):
        named.load("first", tmp_path)
        busy.add(named.use("first").row)
        named.unload("first")
        named.load("second", tmp_path)
        assert named.use("second").row != 1

    def test_when_every_row_is_taken_it_says_so(self, named, tmp_path):
        for name in "abc":
            named.load(name, tmp_path)
        with pytest.raises(ModelError, match="unload one") as caught:
            named.load("d", tmp_path)
        assert caught.value.retryable
