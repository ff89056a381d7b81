"""Fits a router on labelled requests, calibrates it on others, and says what it measured on those."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from secretariat.models.errors import ModelError
from secretariat.models.experts.fitting import Labelled, fit
from secretariat.models.experts.judging import abstain_curve, accuracy, calibration_error
from secretariat.models.experts.router import Kind
from secretariat.models.experts.router_files import save_router
from secretariat.models.nets.load_encoder import LoadedEmbedder, load_embedder
from secretariat.models.pull import locate

_AT_ONCE = 64


def router(
    embedder: str,
    models_dir: Path,
    *,
    examples: Path,
    held_out: Path,
    general: str,
    kind: Kind,
    directory: Path,
) -> dict[str, Any]:
    """Writes `router.safetensors` and `router.json` into `directory`. Files: lines {"text", "expert"}.

    Raises ModelError: invalid_request for lines that aren't that or experts without an example.
    """
    train, tested = _read(examples), _read(held_out)
    experts = sorted({expert for _, expert in train})
    if general not in experts:
        raise ModelError(
            "invalid_request", f"no example is for the general expert {general!r}", param="general"
        )
    loaded = load_embedder(locate(embedder, models_dir))
    parts = [_labelled(loaded, part, experts) for part in (train, tested)]
    made = fit(
        parts[0], parts[1], experts, general=general, embedder=loaded.identity.weights_sha256, kind=kind
    )
    chances_NL = made.probabilities(parts[1].vectors_ND)
    figures = {
        "accuracy": accuracy(chances_NL, parts[1].labels_N),
        "calibration_error": calibration_error(chances_NL, parts[1].labels_N),
        "abstained": float(np.mean([route.abstained for route in made.route(parts[1].vectors_ND)])),
    }
    save_router(made, directory, figures)
    curve = abstain_curve(chances_NL, parts[1].labels_N)
    return {
        "directory": str(directory),
        "experts": experts,
        "examples": len(train),
        "held_out": len(tested),
        "temperature": made.temperature,
        **figures,
        "abstain_curve": [[point.coverage, point.accuracy] for point in curve],
    }


def _labelled(loaded: LoadedEmbedder, rows: Sequence[tuple[str, str]], experts: Sequence[str]) -> Labelled:
    if unknown := sorted({expert for _, expert in rows} - set(experts)):
        raise ModelError("invalid_request", f"no example to learn from is for {unknown[0]!r}")
    texts = [text for text, _ in rows]
    parts = [loaded.embed_counted(texts[at : at + _AT_ONCE])[0] for at in range(0, len(texts), _AT_ONCE)]
    return Labelled(np.concatenate(parts), np.array([experts.index(expert) for _, expert in rows]))


def _read(path: Path) -> list[tuple[str, str]]:
    found = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ModelError("invalid_request", f"{path} can't be read: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            found.append((str(record["text"]), str(record["expert"])))
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(
                "invalid_request", f'{path}, line {number}: not {{"text", "expert"}} ({error})'
            ) from error
    if not found:
        raise ModelError("invalid_request", f"{path} has no example")
    return found
