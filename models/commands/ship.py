"""Puts a model that was trained here among those that come with the code: its changes of a base, and its experts.

Weights of its own aren't shipped: the base is fetched, what was learnt comes with the code.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from secretariat.models.adapters.files import WEIGHTS
from secretariat.models.adapters.lora import read_lora
from secretariat.models.catalog import CATALOG, ModelSource
from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.commands.add import copied, files_of, stated_licence
from secretariat.models.errors import ModelError
from secretariat.models.experts.team import FILE, ROUTER, read_team
from secretariat.models.installed import SHIPPED, write_record
from secretariat.models.nets.checkpoint import CONFIG, open_checkpoint

MOST_BYTES = 60_000_000  # of everything that is shipped


def ship(
    name: str, models_dir: Path, *, experts: str | None = None, into: Path = SHIPPED, most: int = MOST_BYTES
) -> dict[str, Any]:
    """`experts`: the folder in `models_dir` with those of the model, where they aren't in its own.

    Raises ModelError: "weights_missing", "checkpoint_invalid" and "adapter_invalid" as of loading;
    "invalid_request" for a model that isn't changes of one of the catalogue, or for too many bytes.
    """
    folder = models_dir / name
    base = read_json(folder / CONFIG).get("base") if (folder / CONFIG).is_file() else None
    if not isinstance(base, str) or base not in CATALOG:
        raise ModelError(
            "invalid_request", f"{name} isn't changes of a model that can be pulled", param="name"
        )
    checkpoint = open_checkpoint(folder)
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=into) as scratch:
        staged = Path(scratch) / name
        staged.mkdir()
        copied(folder, staged, lambda _: None)
        if experts is not None:
            _join(models_dir / experts, name, staged)
        for adapter in (team.adapters if (team := read_team(staged)) is not None else {}).values():
            read_lora(adapter, checkpoint.config)
            _halved(adapter / WEIGHTS)
        files = files_of(staged)
        licence = stated_licence(staged, checkpoint) or CATALOG[base].licence
        source = ModelSource(
            name,
            "chat",
            checkpoint.architecture,
            files,
            (),
            licence,
            checkpoint.config.context_length,
            base=base,
        )
        others = sum(
            one.stat().st_size for one in into.rglob("*") if one.is_file() and _apart(one, into, name)
        )
        if others + source.bytes > most:
            raise ModelError(
                "invalid_request",
                f"with {name} there would be {others + source.bytes} bytes, more than {most}",
            )
        write_record(source, staged)
        if (into / name).exists():
            shutil.rmtree(into / name)
        staged.rename(into / name)
    return {"name": name, "base": base, "licence": licence, "bytes": source.bytes, "files": len(files)}


def _join(team: Path, name: str, staged: Path) -> None:
    """Experts that were trained over the model come into its folder."""
    told = read_json(team / FILE)
    if told.get("model") != name:
        raise ModelError("invalid_request", f"{team.name} has no experts over {name}", param="experts")
    for part in ("experts", ROUTER):
        if (team / part).is_dir():
            shutil.copytree(team / part, staged / part, dirs_exist_ok=True, copy_function=shutil.copyfile)
    own = {key: value for key, value in told.items() if key != "model"}
    (staged / FILE).write_text(json.dumps(own, indent=1) + "\n", encoding="utf-8")


def _halved(weights: Path) -> None:
    """In bfloat16: what a pair adds is small beside what it is added to, and so is the error of its numbers."""
    save_file({name: tensor.bfloat16() for name, tensor in load_file(weights).items()}, weights)


def _apart(file: Path, into: Path, name: str) -> bool:
    """Of another model, and whole."""
    first = file.relative_to(into).parts[0]
    return first != name and not first.startswith(".")
