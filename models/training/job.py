"""What one training run is asked for: `job.json`, checked before anything is loaded.

Knows no torch. Where things lie in the run's folder is said here, once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.errors import ModelError

JOB, PROGRESS, RESULT, SUMMARY, ERROR = "job.json", "progress.jsonl", "result", "summary.json", "error.json"
EndedBy = Literal["steps", "held_out", "budget"]


@dataclass(frozen=True, kw_only=True)
class Learn:
    """`kind`: "lora", "svf", "full". `start`: the folder of an adapter to go on from. `basis`: of vectors.
    `acts` "answer": the adapter acts from the answer's header on and leaves the prompt's states the base's."""

    kind: Literal["lora", "svf", "full"] = "lora"
    rank: int = 16
    alpha: float = 32.0
    rs: bool = False
    targets: tuple[str, ...] = ()
    partial: bool = False
    start: str | None = None
    basis: str | None = None
    acts: Literal["always", "answer"] = "always"


@dataclass(frozen=True, kw_only=True)
class Job:
    """`model`: a folder, a GGUF file, or a name below `models_dir`. `data` and `held_out` are files.

    A step takes `batch_tokens` in rows of `row_tokens`. `warmup` and `floor` are shares of the steps and of the
    rate. `patience`: so many evaluations without a lower held-out loss end the run; 0 goes through all steps.
    `guard`: files and folders of tests; a run whose data repeat them is refused.
    `frozen` "u8": matrices that don't learn multiply in eight bits, in float32 runs of adapters; as they are where
    there are no compiled operations.
    `max_tokens` and `max_seconds` are counted over all attempts; 0 is without end. `own`: the recipe's own.
    """

    recipe: str
    model: str
    data: tuple[str, ...]
    held_out: tuple[str, ...] = ()
    guard: tuple[str, ...] = ()
    models_dir: str | None = None
    seed: int = 0
    steps: int = 100
    batch_tokens: int = 4096
    row_tokens: int = 1024
    learning_rate: float = 1e-3
    warmup: float = 0.03
    floor: float = 0.1
    weight_decay: float = 0.0
    clip: float = 1.0
    learn: Learn = field(default_factory=Learn)
    evaluate_every: int = 20
    patience: int = 0
    state_every: int = 20
    max_tokens: int = 0
    max_seconds: float = 0.0
    threads: int = 2
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    frozen: Literal["plain", "u8"] = "plain"
    checkpoint: bool = True
    own: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def read(folder: Path) -> "Job":
        """Raises ModelError("training_invalid") naming the field."""
        return Job.of(read_json(folder / JOB))

    @staticmethod
    def of(values: Mapping[str, Any]) -> "Job":
        known = {one.name for one in fields(Job)} - {"own"}
        learn = values.get("learn", {})
        if not isinstance(learn, dict):
            raise invalid("learn", "is no object")
        given = {name: value for name, value in values.items() if name in known and name != "learn"}
        own = {name: value for name, value in values.items() if name not in known}
        if missing := [name for name in ("recipe", "model", "data") if name not in given]:
            raise invalid(missing[0], "is missing")
        return Job(**_checked(given, Job), learn=Learn(**_checked(learn, Learn)), own=own)


def invalid(name: str, problem: str) -> ModelError:
    return ModelError("training_invalid", f"{JOB}: {name} {problem}", param=name)


_LEAST = {
    "steps": 1, "batch_tokens": 1, "row_tokens": 2, "evaluate_every": 1, "state_every": 1, "threads": 1, "rank": 1,
    "seed": 0, "patience": 0, "max_tokens": 0, "max_seconds": 0, "warmup": 0, "floor": 0, "weight_decay": 0,
    "clip": 0, "learning_rate": 0, "alpha": 0,
}  # fmt: skip
_CHOICES: Mapping[str, Sequence[str]] = {
    "dtype": ("bfloat16", "float32"), "frozen": ("plain", "u8"), "kind": ("lora", "svf", "full"),
    "acts": ("always", "question", "answer"),
}  # fmt: skip


def _checked(values: Mapping[str, Any], of: type) -> dict[str, Any]:
    declared = {one.name: one.type for one in fields(of)}
    found = {}
    for name, value in values.items():
        if name not in declared:
            raise invalid(f"learn.{name}", "isn't known")
        found[name] = _value(name, value, str(declared[name]))
    return found


def _value(name: str, value: Any, declared: str) -> Any:
    if "tuple" in declared:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise invalid(name, "is no list of texts")
        return tuple(value)
    if name in _LEAST:
        if isinstance(value, bool) or not isinstance(value, int if "int" in declared else int | float):
            raise invalid(name, "is no number" if "float" in declared else "is no whole number")
        if not value >= _LEAST[name]:
            raise invalid(name, f"is below {_LEAST[name]}")
        return value
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise invalid(name, f"is none of {', '.join(_CHOICES[name])}")
        return value
    wanted = bool if "bool" in declared else str
    if not isinstance(value, wanted) and not (value is None and "None" in declared):
        raise invalid(name, "is no truth value" if wanted is bool else "is no text")
    return value
