"""The logits of one fixed prompt, kept beside a model: whether it still computes what it computed when it came.

Knows nothing of where models come from.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.errors import ModelError
from secretariat.models.installed import GOLDEN
from secretariat.models.nets.batch import Run, StepBatch
from secretariat.models.nets.load import LoadedChat
from secretariat.models.nets.memory import MemorySize
from secretariat.models.nets.network import Arithmetic
from secretariat.models.nets.state import PAGE_SIZE

PROMPT = "The supplier delivers within 30 days; naïve “½” 日本語\n\tdef f(x): return x ** 2  # 1234567890"
_TOP = 16
_ROUNDING = 1e-4  # of the largest logit: other summation orders, same numbers
_OTHER_FORM = 0.1  # another form of the weights


@dataclass(frozen=True, slots=True)
class Golden:
    """`logits_sha256`: of all logits of the prompt, float32. `top`: the largest of its last token, by token id."""

    weights_sha256: str
    tokens: tuple[int, ...]
    arithmetic: Arithmetic
    logits_sha256: str
    top: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`compared`: "bits" where the arithmetic is the same and exact, "values" within `tolerance` otherwise.

    `difference`: the largest between top logits, as a share of the largest logit.
    """

    equal: bool
    compared: str
    difference: float
    tolerance: float
    reason: str


def golden_of(loaded: LoadedChat) -> Golden:
    """Runs the prompt once. The network must not have a memory yet, and has a small one then."""
    tokens = loaded.tokenizer.encode(PROMPT)[: loaded.network.step_tokens]
    pages = -(-len(tokens) // PAGE_SIZE)
    loaded.network.allocate(MemorySize(pages=1 + pages, slots=1))
    run = Run(0, len(tokens), np.arange(1, 1 + pages, dtype=np.int32), slot=1)
    everything = np.arange(len(tokens), dtype=np.int32)
    logits_MV = loaded.network.forward(StepBatch(np.array(tokens, np.int32), (run,), everything))
    values, ids = logits_MV[-1].topk(min(_TOP, logits_MV.shape[1]))
    return Golden(
        weights_sha256=loaded.identity.weights_sha256,
        tokens=tuple(tokens),
        arithmetic=loaded.network.arithmetic,
        logits_sha256=hashlib.sha256(logits_MV.to(torch.float32).numpy().tobytes()).hexdigest(),
        top=tuple(zip(ids.tolist(), values.tolist(), strict=True)),
    )


def write_golden(golden: Golden, directory: Path) -> None:
    (directory / GOLDEN).write_text(f"{json.dumps(asdict(golden), indent=2)}\n", encoding="utf-8")


def read_golden(directory: Path) -> Golden:
    """Raises ModelError: "weights_missing" without a record, "checkpoint_invalid" for a malformed one."""
    path = directory / GOLDEN
    if not path.is_file():
        raise ModelError(
            "weights_missing",
            f"{directory.name} has no golden record to compare with:"
            f" `secretariat models check {directory.name} --record` makes one",
        )
    values = read_json(path)
    try:
        return _golden(values)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError("checkpoint_invalid", f"{path}: lacks or misstates {error}") from error


def _golden(values: Mapping[str, Any]) -> Golden:
    return Golden(
        str(values["weights_sha256"]),
        tuple(int(token) for token in values["tokens"]),
        Arithmetic(**values["arithmetic"]),
        str(values["logits_sha256"]),
        tuple((int(token), float(logit)) for token, logit in values["top"]),
    )


def compare(then: Golden, now: Golden) -> Verdict:
    difference = _difference(then, now)
    exactly = then.arithmetic == now.arithmetic and now.arithmetic.exact
    tolerance = _ROUNDING if then.arithmetic.weights == now.arithmetic.weights else _OTHER_FORM
    compared, tolerance = ("bits", 0.0) if exactly else ("values", tolerance)
    reason = _reason(then, now, exactly=exactly, within=difference <= tolerance)
    return Verdict(not reason, compared, difference, tolerance, reason)


def _reason(then: Golden, now: Golden, *, exactly: bool, within: bool) -> str:
    """Why they differ; empty where they don't."""
    if then.weights_sha256 != now.weights_sha256:
        return "the weights are not those that the record was made of"
    if then.tokens != now.tokens:
        return "the tokenizer cuts the prompt into other tokens"
    if exactly and then.logits_sha256 != now.logits_sha256:
        return "the same arithmetic gives other logits"
    return "" if exactly or within else "the logits differ by more than the arithmetic explains"


def _difference(then: Golden, now: Golden) -> float:
    """Over the tokens that are among the largest both times; infinite where the very largest is another."""
    mine = dict(now.top)
    if not then.top or then.top[0][0] not in mine:
        return float("inf")
    scale = max(abs(logit) for _, logit in then.top) or 1.0
    return max(abs(logit - mine[token]) for token, logit in then.top if token in mine) / scale
