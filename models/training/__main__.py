"""`python -m secretariat.models.training FOLDER`: one run, as FOLDER/job.json says.

Exit codes: 0 ended, or stopped by SIGTERM with a state to go on from; 2 it could not be carried out, and
FOLDER/error.json says why: {"code", "message"}.
"""

import argparse
import ctypes
import importlib
import json
import sys
from pathlib import Path

from secretariat.models.errors import ModelError
from secretariat.models.training.data.contamination import refuse_files
from secretariat.models.training.job import ERROR, JOB, Job, invalid

_PLACED = ("sft", "dpo", "grpo", "svf")  # those whose adapters may act late
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # malloc.h
RECIPES = ("sft", "dpo", "reward", "grpo", "svf", "transfer", "mixture")


def train(folder: Path) -> bool:
    """False where it was stopped on the way. Raises ModelError."""
    job = Job.read(folder)
    if job.recipe not in RECIPES:
        raise invalid("recipe", f"is none of {', '.join(RECIPES)}")
    if job.learn.acts != "always" and job.recipe not in _PLACED:
        raise invalid("learn.acts", f"is always in every recipe but {', '.join(_PLACED)}")
    if job.guard:
        refuse_files(*(list(map(Path, paths)) for paths in (job.guard, (*job.data, *job.held_out))))
    import torch

    # use_deterministic_algorithms would load torch's compiler first: two seconds
    torch.set_deterministic_debug_mode("error")
    # nothing here reads what it didn't write
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    recipe = importlib.import_module(f"secretariat.models.training.recipes.{job.recipe}")
    done: bool = recipe.main(job, folder)
    return done


def _keep_freed_memory() -> None:
    """A step takes and frees the same hundreds of megabytes again and again: given back to the kernel each time,
    their pages cost a third of all processor time. glibc alone has the switch, for the whole process: one that
    does nothing else may turn it."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, -1)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="secretariat.models.training", description=f"Train as {JOB} says.")
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args(arguments).folder
    (folder / ERROR).unlink(missing_ok=True)
    try:
        train(folder)
    except ModelError as error:
        told = json.dumps({"code": error.code, "message": error.message})
        (folder / ERROR).write_text(told, encoding="utf-8")
        print(told, file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    _keep_freed_memory()
    sys.exit(main())
