"""Singular-value vectors: the basis that a model's tenants share, and the vectors, in safetensors files.

A repeated singular value leaves its directions free, so a basis is computed once, kept, and named by its bytes.

Shape letters: O outputs, I inputs, R leading directions, M matrices.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import save_file
from torch import Tensor

from secretariat.models.adapters.modules import Place, acting, place_of
from secretariat.models.checkpoints.digest import weights_sha256
from secretariat.models.checkpoints.safetensors_file import SafetensorsFile
from secretariat.models.errors import ModelError
from secretariat.models.nets.adapters import Directions, SvfBasis, SvfVector
from secretariat.models.nets.config import DecoderConfig
from secretariat.models.nets.weights import Weights

DIRECTIONS = 64
_DIGEST, WEIGHTS, _ACTS = "digest", "weights_sha256", "acts"  # in the header
_MODULES = ("gate_proj", "up_proj", "down_proj")


def places(config: DecoderConfig) -> list[Place]:
    """The matrices that vectors act on, in the order of every file: each layer's MLP."""
    found = (
        place_of(f"layers.{layer}.mlp.{module}", config)
        for layer in range(len(config.layers))
        for module in _MODULES
    )
    return [place for place in found if place is not None]


def make_basis(weights: Weights, config: DecoderConfig, directions: int = DIRECTIONS) -> SvfBasis:
    """Decomposes the matrices as the network uses them: takes seconds to minutes. See `save_basis`."""
    return _basis(list(_decomposed(weights, config, directions)))


def _decomposed(weights: Weights, config: DecoderConfig, directions: int) -> Iterator[Directions]:
    for place in places(config):
        whole_OI = torch.from_numpy(weights[f"{place.matrix}.weight"].floats())
        yield Directions(
            place.matrix,
            place.first,
            place.count,
            *_leading(whole_OI[place.first :][: place.count], directions),
        )


def _leading(weight_OI: Tensor, directions: int) -> tuple[Tensor, Tensor, Tensor]:
    """U [O, R], sigma [R], V [I, R] by the eigenvectors of the smaller Gram matrix, in float64."""
    wide = weight_OI.double() if weight_OI.shape[0] >= weight_OI.shape[1] else weight_OI.double().T
    squares, right = torch.linalg.eigh(wide.T @ wide)
    order = torch.arange(len(squares) - 1, -1, -1)[:directions]
    sigma_R = squares[order].clamp_min(0).sqrt()
    right = right[:, order]
    left = (wide @ right) / sigma_R.clamp_min(1e-12)
    u, v = (left, right) if weight_OI.shape[0] >= weight_OI.shape[1] else (right, left)
    return u.float().contiguous(), sigma_R.float(), v.float().contiguous()


def _basis(parts: list[Directions]) -> SvfBasis:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.matrix.encode())
        for tensor in (part.u_OR, part.sigma_R, part.v_IR):
            digest.update(tensor.numpy().tobytes())
    return SvfBasis(digest.hexdigest(), tuple(parts))


def save_basis(basis: SvfBasis, path: Path, header: Mapping[str, str] | None = None) -> None:
    """`header`: what the basis is of, for readers of the file; the digest is added."""
    tensors: dict[str, npt.NDArray[np.float32]] = {}
    for number, part in enumerate(basis.directions):
        tensors |= {f"{number}.{key}": getattr(part, key).numpy() for key in ("u_OR", "sigma_R", "v_IR")}
    save_file(tensors, path, {**(header or {}), _DIGEST: basis.digest})


def read_basis(path: Path, config: DecoderConfig, of: Sequence[Path] = ()) -> SvfBasis:
    """Raises ModelError adapter_invalid for a basis of another model, or whose numbers aren't those it was saved
    with. `of`: the files that the model's weights come from, for a basis whose header says which."""
    file = SafetensorsFile.open(path)
    if of and file.header.get(WEIGHTS, "") not in ("", weights_sha256(of)):
        raise _invalid(path.name, "is of other weights than this model's: make it again")
    tensors = file.tensors
    parts = []
    for number, place in enumerate(places(config)):
        try:
            u_OR, sigma_R, v_IR = (
                torch.from_numpy(tensors[f"{number}.{key}"].floats()) for key in ("u_OR", "sigma_R", "v_IR")
            )
        except KeyError as error:
            raise _invalid(path.name, f"has no {error}") from None
        if u_OR.shape != (place.count, len(sigma_R)) or v_IR.shape != (place.inputs, len(sigma_R)):
            raise _invalid(path.name, f"doesn't fit {place.matrix}")
        parts.append(Directions(place.matrix, place.first, place.count, u_OR, sigma_R, v_IR))
    basis = _basis(parts)
    if file.header.get(_DIGEST, basis.digest) != basis.digest:
        raise _invalid(path.name, "isn't what it was when it was made: make it again")
    return basis


def save_vector(vector: SvfVector, path: Path) -> None:
    save_file(
        {
            "z": np.stack(vector.z),
            "rest": np.array(vector.rest, np.float32),
            "scale": np.array(vector.scale, np.float32),
            "basis": np.frombuffer(bytes.fromhex(vector.basis), np.uint8),
        },
        path,
        None if vector.acts == "always" else {_ACTS: vector.acts},
    )


def read_vector(path: Path, basis: SvfBasis) -> SvfVector:
    """Raises ModelError adapter_invalid for another basis, a wrong shape or a number that isn't finite."""
    file = SafetensorsFile.open(path)
    tensors = file.tensors
    if missing := {"z", "rest", "scale", "basis"} - tensors.keys():
        raise _invalid(path.name, f"has no {min(missing)}")
    if bytes(tensors["basis"].floats().astype(np.uint8)).hex() != basis.digest:
        raise _invalid(path.name, "was made over another basis than this model's")
    z_MR, rest_M, scale_M = (tensors[key].floats() for key in ("z", "rest", "scale"))
    matrices = len(basis.directions)
    if z_MR.shape != (matrices, len(basis.directions[0].sigma_R)) or len(rest_M) != matrices:
        raise _invalid(path.name, f"holds {z_MR.shape} factors, the basis has {matrices} matrices")
    if not all(np.isfinite(numbers).all() for numbers in (z_MR, rest_M, scale_M)):
        raise _invalid(path.name, "holds numbers that aren't finite")
    return SvfVector(
        path.stem, weights_sha256([path]), basis.digest,
        tuple(z_MR), tuple(map(float, rest_M)), tuple(map(float, scale_M)),
        acting(path.name, file.header.get(_ACTS, "always")),
    )  # fmt: skip


def _invalid(name: str, problem: str) -> ModelError:
    return ModelError("adapter_invalid", f"{name}: {problem}", param="adapter")
