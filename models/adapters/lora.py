"""LoRA adapters from PEFT's layout: `adapter_config.json` and `adapter_model.safetensors`.

An adapter that would do less than its file promises is refused: on hybrids PEFT's default targets reach a few
attention layers and skip the rest without a word, and nothing is learned.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from secretariat.models.adapters.files import SETTINGS, WEIGHTS
from secretariat.models.adapters.modules import Place, acting, mixer_matrices, place_of
from secretariat.models.checkpoints.digest import weights_sha256
from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.checkpoints.safetensors_file import SafetensorsFile
from secretariat.models.errors import ModelError
from secretariat.models.nets.adapters import Lora, LowRank
from secretariat.models.nets.config import DecoderConfig

LEAST_COVERAGE = 0.9  # of the layers with a mixer; a deliberate part of them is asked for with `partial`
_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"
_PREFIX = "base_model.model."
_CHANGES_THE_MATHS = (
    "use_dora",
    "lora_bias",
    "fan_in_fan_out",
    "modules_to_save",
    "rank_pattern",
    "alpha_pattern",
    "alora_invocation_tokens",
)


def read_lora(directory: Path, config: DecoderConfig, *, partial: bool = False) -> Lora:
    """Raises ModelError adapter_invalid, naming what doesn't fit: an unknown module, a shape, a missing half,
    an option that changes the maths, or a coverage below LEAST_COVERAGE unless `partial`."""
    settings = read_json(directory / SETTINGS)
    path = directory / WEIGHTS
    pieces = _pieces(
        directory.name, SafetensorsFile.open(path).tensors, config, _scale(directory.name, settings)
    )
    _check_coverage(directory.name, pieces, config, partial=partial)
    acts = acting(directory.name, settings.get("acts", "always"))
    return Lora(directory.name, weights_sha256([path]), pieces, acts)


def _scale(name: str, settings: Mapping[str, Any]) -> float:
    if settings.get("peft_type") != "LORA":
        raise _invalid(name, f"peft_type is {settings.get('peft_type')!r}, not LORA")
    for option in _CHANGES_THE_MATHS:
        if settings.get(option):
            raise _invalid(name, f"{option} = {settings[option]!r} isn't supported")
    rank, alpha = settings.get("r"), settings.get("lora_alpha")
    if not isinstance(rank, int) or rank < 1 or not isinstance(alpha, int | float):
        raise _invalid(name, "r and lora_alpha must be numbers")
    return float(alpha) / (rank**0.5 if settings.get("use_rslora") else rank)


def _pieces(
    name: str, tensors: Mapping[str, Any], config: DecoderConfig, scale: float
) -> tuple[LowRank, ...]:
    modules = {key.removesuffix(end) for key in tensors for end in (_DOWN, _UP) if key.endswith(end)}
    if stray := sorted(key for key in tensors if not key.endswith((_DOWN, _UP))):
        raise _invalid(name, f"tensor {stray[0]} is no half of a low-rank pair")
    pieces = []
    for module in sorted(modules):
        place = place_of(module.removeprefix(_PREFIX), config)
        if place is None:
            raise _invalid(name, f"{module} is no matrix of this model")
        halves = [tensors.get(module + end) for end in (_DOWN, _UP)]
        if halves[0] is None or halves[1] is None:
            raise _invalid(name, f"{module} has only one half of its pair")
        down_RI, up_OR = (torch.from_numpy(half.floats()) for half in halves if half is not None)
        _check_shapes(name, module, place, down_RI, up_OR)
        pieces.append(LowRank(place.matrix, place.first, down_RI, up_OR * scale))
    return tuple(pieces)


def _check_shapes(name: str, module: str, place: Place, down_RI: Tensor, up_OR: Tensor) -> None:
    rank = down_RI.shape[0]
    if down_RI.shape != (rank, place.inputs) or up_OR.shape != (place.count, rank):
        raise _invalid(
            name,
            f"{module}: {tuple(down_RI.shape)} and {tuple(up_OR.shape)} don't fit a matrix of"
            f" {place.count} x {place.inputs}",
        )


def _check_coverage(name: str, pieces: tuple[LowRank, ...], config: DecoderConfig, *, partial: bool) -> None:
    touched = {piece.matrix for piece in pieces}
    mixers = {i: matrices for i in range(len(config.layers)) if (matrices := mixer_matrices(i, config))}
    left_out = [i for i, matrices in mixers.items() if not matrices & touched]
    covered = len(mixers) - len(left_out)
    if not pieces or (covered < LEAST_COVERAGE * len(mixers) and not partial):
        raise _invalid(
            name,
            f"it touches the mixers of {covered} of {len(mixers)} layers, not of {_shown(left_out)}: train it on"
            " all of them (on hybrids name in_proj and out_proj as targets too), or load it as partial",
        )


def _shown(layers: Sequence[int]) -> str:
    """ "layers 0-2, 4, 6-9" """
    runs: list[list[int]] = []
    for layer in layers:
        if runs and layer == runs[-1][1] + 1:
            runs[-1][1] = layer
        else:
            runs.append([layer, layer])
    return "layers " + ", ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in runs)


def _invalid(name: str, problem: str) -> ModelError:
    return ModelError("adapter_invalid", f"adapter {name}: {problem}", param="adapter")
