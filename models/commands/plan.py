"""The plan of a model that is here, or of a configuration alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.errors import ModelError
from secretariat.models.installed import find
from secretariat.models.nets.checkpoint import CONFIG, Checkpoint, config_of, open_checkpoint, open_gguf
from secretariat.models.nets.config import DecoderConfig
from secretariat.models.planning.plan import Demand, Plan, largest_batch, longest_context, plan
from secretariat.models.planning.sizes import bytes_of, tokens_of
from secretariat.models.pull import locate

_PACKING = 32 << 20  # measured: 20 to 100 MiB stay with the allocator after the weights are packed
_ITEM = {"float32": 4, "bfloat16": 2}


def planned(
    model: str, models_dir: Path, *, context: str | None, batch: int, device: str | None, kv: str
) -> dict[str, Any]:
    """`model`: a name, a .gguf file, a directory or a config.json. `device` None: this machine's memory.

    Raises ModelError: "model_not_found", "weights_missing", "checkpoint_invalid", "invalid_request".
    """
    if batch < 1:
        raise ModelError("invalid_request", "a batch has at least one sequence", param="batch")
    architecture, config, stored = _opened(model, models_dir)
    tokens = config.context_length if context is None else tokens_of(context)
    demand = Demand(tokens, batch, _ITEM[kv])
    here = device is None
    made = plan(config, demand, stored=stored, process=_own_bytes() if here else 0)
    room = psutil.virtual_memory().total if device is None else bytes_of(device)
    return {
        "model": model,
        "architecture": architecture,
        "parameters": made.parameters,
        "context": tokens,
        "context_length": config.context_length,
        "batch": batch,
        "kv_dtype": kv,
        "kv": made.kv,
        "state": made.state,
        "workspace": made.workspace,
        "process": made.process,
        "device": {"name": device or "this machine", "bytes": room},
        "forms": [_form(config, demand, made, form, room) for form in made.weights],
    }


def _own_bytes() -> int:
    """Of a program that has loaded no model: this one is such, and packing leaves some chunks behind."""
    rss: int = psutil.Process().memory_info().rss
    return rss + _PACKING


def _form(config: DecoderConfig, demand: Demand, made: Plan, form: str, room: int) -> dict[str, Any]:
    fixed = made.weights[form] + made.workspace + made.process
    return {
        "form": form,
        "weights": made.weights[form],
        "total": made.total(form),
        "fits": made.total(form) <= room,
        "longest_context": longest_context(config, demand, room - fixed - made.state),
        "largest_batch": largest_batch(config, demand, room - fixed),
    }


def _opened(model: str, models_dir: Path) -> tuple[str, DecoderConfig, Mapping[str, str] | None]:
    """Architecture, shape, and the number formats of the weights where there are any."""
    path = Path(model).expanduser()
    if path.suffix == ".gguf" and path.is_file():
        return _described(open_gguf(path))
    file = path / CONFIG if path.is_dir() else path
    if file.name == CONFIG and file.is_file():
        if any(file.parent.glob("*.safetensors")):
            return _described(open_checkpoint(file.parent))
        values = read_json(file)
        return str(values.get("model_type")), config_of(values), None
    if path.is_dir():
        return _described(open_checkpoint(path))
    _refuse_path(model, path)
    if find(model, models_dir).kind != "chat":
        raise ModelError("invalid_request", f"{model} is no chat model", param="model")
    return _described(open_checkpoint(locate(model, models_dir)))


def _refuse_path(model: str, path: Path) -> None:
    """A name of a model is neither a file nor looks like one. Raises ModelError."""
    if path.exists():
        raise ModelError(
            "invalid_request",
            f"{model} can't be planned: name a .gguf file, a {CONFIG}, or a directory with either",
            param="model",
        )
    if Path(model).name != model or path.suffix in {".gguf", ".json", ".safetensors"}:
        raise ModelError(
            "model_not_found",
            f"there is no file or directory {model!r} here; a repository is taken in with"
            " `secretariat models add` before it is planned",
            param="model",
        )


def _described(checkpoint: Checkpoint) -> tuple[str, DecoderConfig, Mapping[str, str]]:
    return checkpoint.architecture, checkpoint.config, checkpoint.stored
