"""A router's files: `router.safetensors` with its numbers, `router.json` with what they mean and their SHA-256."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from secretariat.models.checkpoints.digest import file_sha256
from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.checkpoints.safetensors_file import SafetensorsFile
from secretariat.models.errors import ModelError
from secretariat.models.experts.router import Doubt, Floats, Linear, Nearest, Router, Scorer

TENSORS, MEANING = "router.safetensors", "router.json"


def save_router(router: Router, folder: Path, figures: Mapping[str, float] | None = None) -> None:
    """`figures`: what was measured of it on held-out requests, for readers of the file."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Any] = {"examples": router.examples_ND.astype(np.float16)}
    scorer = router.scorer
    if isinstance(scorer, Linear):
        tensors |= {"weights": scorer.weights_LD, "bias": scorer.bias_L}
    elif isinstance(scorer, Nearest):
        tensors |= {"labels": scorer.labels_N.astype(np.float32)}
    save_file(tensors, folder / TENSORS)
    meaning = {
        "kind": scorer.kind,
        "experts": router.experts,
        "general": router.general,
        "embedder": router.embedder,
        "temperature": router.temperature,
        "neighbours": scorer.neighbours if isinstance(scorer, Nearest) else 0,
        "doubt": {
            "probability": router.doubt.probability,
            "margin": router.doubt.margin,
            "distance": router.doubt.distance,
        },
        "sha256": file_sha256(folder / TENSORS),
        "held_out": dict(figures or {}),
    }
    (folder / MEANING).write_text(json.dumps(meaning, indent=1) + "\n", encoding="utf-8")


def read_router(folder: Path) -> Router:
    """Raises ModelError: "weights_missing" without its files, "checkpoint_invalid" for ones that don't fit."""
    for name in (TENSORS, MEANING):
        if not (folder / name).is_file():
            raise ModelError("weights_missing", f"{folder} has no {name}: fit the router first")
    meaning = read_json(folder / MEANING)
    if meaning.get("sha256") != file_sha256(folder / TENSORS):
        raise _invalid(folder, f"{TENSORS} isn't what {MEANING} describes")
    file = SafetensorsFile.open(folder / TENSORS).tensors
    tensors = {name: tensor.floats() for name, tensor in file.items()}
    try:
        return _router(meaning, tensors)
    except (KeyError, TypeError, ValueError) as error:
        raise _invalid(folder, f"it lacks or mistakes {error}") from error


def _router(meaning: Mapping[str, Any], tensors: Mapping[str, Floats]) -> Router:
    experts = tuple(map(str, meaning["experts"]))
    scorer: Scorer
    if meaning["kind"] == "linear":
        scorer = Linear(tensors["weights"], tensors["bias"])
        if scorer.weights_LD.shape != (len(experts), tensors["examples"].shape[1]):
            raise ValueError("the shape of its weights")
    else:
        labels_N = tensors["labels"].astype(np.int64)
        if len(labels_N) != len(tensors["examples"]) or not (labels_N < len(experts)).all():
            raise ValueError("the labels of its examples")
        scorer = Nearest(labels_N, len(experts), int(meaning["neighbours"]))
    return Router(
        experts,
        str(meaning["general"]),
        str(meaning["embedder"]),
        scorer,
        float(meaning["temperature"]),
        Doubt(**{key: float(value) for key, value in meaning["doubt"].items()}),
        tensors["examples"],
    )


def _invalid(folder: Path, problem: str) -> ModelError:
    return ModelError("checkpoint_invalid", f"{folder.name}: {problem}")
