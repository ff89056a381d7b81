"""What the files of encoders share: parts that are named alike, and the heads that they were saved with."""

from collections.abc import Mapping
from typing import Any, Literal

from secretariat.models.errors import ModelError
from secretariat.models.nets.architectures.fields import Fields
from secretariat.models.nets.architectures.tensors import Tensors
from secretariat.models.nets.config import HeadSpec
from secretariat.models.nets.weights import Source

Named = dict[str, Source]
Over = Literal["text", "token"]
_HEADS: Mapping[str, Over] = {"ForSequenceClassification": "text", "ForTokenClassification": "token"}
_RELU = ("distilbert",)
_EXCLUSIVE = {"single_label_classification": True, "multi_label_classification": False}


def labels_of(config: Mapping[str, Any]) -> Over | None:
    """What a checkpoint's head labels, by the class that it was saved from; None for one without such a head."""
    saved = str((config.get("architectures") or [""])[0])
    return next((over for ending, over in _HEADS.items() if saved.endswith(ending)), None)


def head_spec(config: Mapping[str, Any]) -> HeadSpec:
    """Raises ModelError("checkpoint_invalid") for no head, for labels without names and for a regression."""
    over = labels_of(config)
    if over is None:
        raise _invalid(f"architectures is {config.get('architectures')}: there is no head that gives labels")
    names = config.get("id2label") or {}
    try:
        labels = tuple(str(names[str(index)]) for index in range(len(names)))
    except KeyError as error:
        raise _invalid(f"id2label lacks {error}") from error
    kind = config.get("problem_type") or "single_label_classification"
    exclusive = over == "token" or _EXCLUSIVE.get(kind)
    if exclusive is None or len(labels) < (2 if exclusive else 1):
        raise _invalid(
            f"it has {len(labels)} labels and problem_type {kind!r}: there is nothing to choose from"
        )
    return HeadSpec(labels, over, "relu" if config.get("model_type") in _RELU else "tanh", exclusive)


def refuse_other(fields: Fields) -> None:
    """Decoders and cross-attention are other networks under the same names."""
    for name in ("is_decoder", "add_cross_attention"):
        fields.only(name, (False,))


def linear(tensors: Tensors, theirs: str, ours: str, outputs: int, inputs: int) -> Named:
    return {
        f"{ours}.weight": tensors.take(f"{theirs}.weight", outputs, inputs),
        f"{ours}.bias": tensors.take(f"{theirs}.bias", outputs),
    }


def layer_norm(tensors: Tensors, theirs: str, ours: str, width: int) -> Named:
    return {f"{ours}.{part}": tensors.take(f"{theirs}.{part}", width) for part in ("weight", "bias")}


def _invalid(problem: str) -> ModelError:
    return ModelError("checkpoint_invalid", f"config.json: {problem}")
