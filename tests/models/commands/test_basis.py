"""`models basis`: what it writes is the model's own decomposition, and says of which model."""

from pathlib import Path

import numpy as np
import pytest
import torch

from secretariat.models.adapters.svf import places, read_basis
from secretariat.models.checkpoints.digest import file_sha256
from secretariat.models.checkpoints.safetensors_file import SafetensorsFile
from secretariat.models.errors import ModelError
from secretariat.models.kernels.svf.reference import dense
from secretariat.models.nets.checkpoint import open_checkpoint
from tests.models.commands.downloads import download

DIRECTIONS = 7


@pytest.fixture
def llama(folder, tmp_path, run):
    assert run("add", str(download(folder, tmp_path / "tiny-llama", "llama-linear")))[0] == 0
    return tmp_path / "models" / "tiny-llama"


@pytest.fixture
def made(llama, tmp_path, run):
    code, made = run(
        "basis", "tiny-llama", "--directions", str(DIRECTIONS), "--directory", str(tmp_path / "a")
    )
    assert code == 0, made
    return made


def test_the_file_says_what_it_is_of(llama, made, tmp_path):
    path = tmp_path / "a" / "tiny-llama.basis.safetensors"
    assert made["file"] == str(path)
    assert SafetensorsFile.open(path).header == {
        "model": "tiny-llama",
        "weights_sha256": file_sha256(llama / "model.safetensors"),
        "directions": str(DIRECTIONS),
        "digest": made["digest"],
    }
    assert [path.name for path in path.parent.iterdir()] == [path.name]
    assert 0 < made["least_kept"] <= made["most_kept"] <= 1


def test_a_vector_over_it_is_the_dense_form(llama, made):
    """rest · W + U (σ ∘ (z - rest)) Vᵀ against the matrix with its own singular values weighted."""
    checkpoint = open_checkpoint(llama)
    basis = read_basis(Path(made["file"]), checkpoint.config)
    assert made["matrices"] == len(basis.directions) == len(places(checkpoint.config)) > 0
    z, rest = torch.linspace(0.2, 1.9, DIRECTIONS).double(), 0.8
    for part in basis.directions:
        stored = torch.from_numpy(checkpoint.weights[f"{part.matrix}.weight"].floats()).double()
        weight_OI = stored[part.first : part.first + part.count]
        u, sigma, vt = torch.linalg.svd(weight_OI, full_matrices=False)
        factors = torch.full_like(sigma, rest)
        factors[:DIRECTIONS] = z
        expected = dense(u, sigma, vt.T, factors, 1.0)
        leading = (part.u_OR.double() * (part.sigma_R.double() * (z - rest))) @ part.v_IR.double().T
        error = torch.linalg.matrix_norm(rest * weight_OI + leading - expected)
        assert error <= 1e-5 * torch.linalg.matrix_norm(weight_OI)
        cut = weight_OI - (part.u_OR.double() * part.sigma_R.double()) @ part.v_IR.double().T
        assert torch.linalg.matrix_norm(cut, 2) <= sigma[DIRECTIONS] + 1e-5 * sigma[0]  # Eckart and Young


def test_one_that_is_there_is_never_overwritten(made, tmp_path, refused):
    before = file_sha256(tmp_path / "a" / "tiny-llama.basis.safetensors")
    code, message = refused("basis", "tiny-llama", "--directions", "3", "--directory", str(tmp_path / "a"))
    assert code == "invalid_request"
    assert "vectors made over it hold for no other" in message
    assert file_sha256(tmp_path / "a" / "tiny-llama.basis.safetensors") == before


@pytest.mark.parametrize("directions", ["0", "41", "-1"])
def test_more_directions_than_there_are_are_refused(llama, tmp_path, refused, directions):
    _, message = refused(
        "basis", "tiny-llama", f"--directions={directions}", "--directory", str(tmp_path / "a")
    )
    assert f"has 1 to 40 directions, not {directions}" in message
    assert not (tmp_path / "a").exists()


def test_a_model_without_such_matrices_is_refused(folder, tmp_path, run, refused):
    run("add", str(download(folder, tmp_path / "tiny-mamba", "mamba")))
    assert "no feed-forward matrices" in refused("basis", "tiny-mamba", "--directory", str(tmp_path / "a"))[1]


def test_a_basis_that_was_altered_is_refused(llama, made, tmp_path):
    path = tmp_path / "a" / "tiny-llama.basis.safetensors"
    data = bytearray(path.read_bytes())
    data[-2:] = np.float16(3).tobytes()
    path.write_bytes(data)
    with pytest.raises(ModelError, match="isn't what it was"):
        read_basis(path, open_checkpoint(llama).config)


def test_a_basis_of_other_weights_of_the_same_shape_is_refused(llama, made, tmp_path):
    path = tmp_path / "a" / "tiny-llama.basis.safetensors"
    checkpoint = open_checkpoint(llama)
    assert read_basis(path, checkpoint.config, checkpoint.paths).digest == made["digest"]
    trained_on = tmp_path / "model.safetensors"
    trained_on.write_bytes((llama / "model.safetensors").read_bytes() + b" ")
    with pytest.raises(ModelError, match="of other weights than this model's"):
        read_basis(path, checkpoint.config, [trained_on])
