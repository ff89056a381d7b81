"""The basis of singular-value vectors and the vectors over it, written and read again."""

import numpy as np
import pytest
import torch

from secretariat.models.adapters.svf import make_basis, read_basis, read_vector, save_basis, save_vector
from secretariat.models.errors import ModelError
from secretariat.models.nets.adapters import SvfVector
from secretariat.models.nets.weights import Values
from tests.models.adapters.test_lora_files import DENSE


@pytest.fixture
def weights():
    draw = np.random.default_rng(0)
    shapes = {"gate_up": (80, 24), "down": (24, 40)}
    return {
        f"layers.{i}.feed_forward.{name}.weight": Values(draw.normal(size=shape).astype(np.float32))
        for i in range(2)
        for name, shape in shapes.items()
    }


def vector(basis: str, matrices: int = 6) -> SvfVector:
    z = tuple(np.linspace(0.5, 1.5, 5, dtype=np.float32) for _ in range(matrices))
    return SvfVector("mine", "0" * 64, basis, z, (0.9,) * matrices, (1.0,) * matrices)


def test_the_leading_directions_are_those_of_the_matrix(weights):
    basis = make_basis(weights, DENSE, 5)
    up = next(p for p in basis.directions if p.matrix == "layers.1.feed_forward.gate_up" and p.first == 40)
    whole = torch.from_numpy(weights["layers.1.feed_forward.gate_up.weight"].floats()[40:])
    expected = torch.linalg.svdvals(whole)[:5]
    torch.testing.assert_close(up.sigma_R, expected)
    torch.testing.assert_close(whole @ up.v_IR, up.u_OR * up.sigma_R, rtol=1e-4, atol=1e-4)


def test_files_come_back_as_they_went(weights, tmp_path):
    basis = make_basis(weights, DENSE, 5)
    save_basis(basis, tmp_path / "basis.safetensors")
    again = read_basis(tmp_path / "basis.safetensors", DENSE)
    assert again.digest == basis.digest
    save_vector(vector(basis.digest), tmp_path / "mine.safetensors")
    read = read_vector(tmp_path / "mine.safetensors", again)
    np.testing.assert_array_equal(read.row(again), vector(basis.digest).row(basis))


def test_a_vector_over_another_basis_is_refused(weights, tmp_path):
    basis = make_basis(weights, DENSE, 5)
    save_vector(vector("ab" * 32), tmp_path / "mine.safetensors")
    with pytest.raises(ModelError, match="another basis"):
        read_vector(tmp_path / "mine.safetensors", basis)
    with pytest.raises(ModelError, match="another basis"):
        vector("ab" * 32).row(basis)


def test_a_vector_that_is_no_number_is_refused(weights, tmp_path):
    basis = make_basis(weights, DENSE, 5)
    bad = vector(basis.digest)
    bad.z[3][2] = np.nan
    save_vector(bad, tmp_path / "mine.safetensors")
    with pytest.raises(ModelError, match="finite"):
        read_vector(tmp_path / "mine.safetensors", basis)
