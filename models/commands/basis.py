"""Makes the basis that a model's singular-value vectors share, once, and names in its header what it is of."""

import tempfile
from pathlib import Path
from typing import Any

import torch

from secretariat.models.adapters.svf import WEIGHTS, make_basis, places, save_basis
from secretariat.models.checkpoints.digest import weights_sha256
from secretariat.models.errors import ModelError
from secretariat.models.installed import find
from secretariat.models.nets.adapters import SvfBasis
from secretariat.models.nets.checkpoint import Checkpoint, open_checkpoint
from secretariat.models.pull import locate


def basis(name: str, models_dir: Path, *, directions: int, directory: Path) -> dict[str, Any]:
    """Writes `NAME.basis.safetensors` into `directory`, where a server with that --adapters-dir finds it.

    `least_kept`, `most_kept`: which share of a matrix's squared norm its leading directions hold.
    Raises ModelError: "invalid_request" for one that is there, for a number of directions that the model hasn't,
    and for a model without matrices to decompose; as `open_checkpoint`.
    """
    file = directory / f"{name}.basis.safetensors"
    if find(name, models_dir).kind != "chat":
        raise ModelError("invalid_request", f"{name} is no chat model: vectors change those", param="name")
    if file.exists():
        raise ModelError(
            "invalid_request",
            f"there is {file} already, and vectors made over it hold for no other: remove it to begin anew",
            param="name",
        )
    checkpoint = open_checkpoint(locate(name, models_dir))
    _check(name, checkpoint, directions)
    made = make_basis(checkpoint.weights, checkpoint.config, directions)
    sha256 = weights_sha256(checkpoint.paths)
    _put(made, file, {"model": name, WEIGHTS: sha256, "directions": str(directions)})
    kept = _kept(made, checkpoint)
    return {
        "name": name,
        "file": str(file),
        "bytes": file.stat().st_size,
        "digest": made.digest,
        "weights_sha256": sha256,
        "directions": directions,
        "matrices": len(made.directions),
        "least_kept": min(kept),
        "most_kept": max(kept),
    }


def _check(name: str, checkpoint: Checkpoint, directions: int) -> None:
    most = min((min(place.count, place.inputs) for place in places(checkpoint.config)), default=0)
    if not most:
        raise ModelError(
            "invalid_request", f"{name} has no feed-forward matrices that every token uses", param="name"
        )
    if not 1 <= directions <= most:
        raise ModelError(
            "invalid_request", f"{name} has 1 to {most} directions, not {directions}", param="directions"
        )


def _put(made: SvfBasis, file: Path, header: dict[str, str]) -> None:
    """Whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".basis.", dir=file.parent) as scratch:
        fresh = Path(scratch) / file.name
        save_basis(made, fresh, header)
        fresh.rename(file)


def _kept(made: SvfBasis, checkpoint: Checkpoint) -> list[float]:
    shares = []
    for part in made.directions:
        rows_OI = torch.from_numpy(checkpoint.weights[f"{part.matrix}.weight"].floats())[part.first :]
        whole = float(rows_OI[: part.count].square().sum())
        shares.append(float(part.sigma_R.square().sum()) / whole if whole else 1.0)
    return shares
