"""`make train-hybrid`: from SmolLM2 to secretariat-h-135m and its dense twin, in stages that can be broken off.

windows  what each layer's window costs; the eight dearest stay whole
dense    the twin: no hybrid layer, the same texts in the same order, to measure against
whole    the hybrid: branches learn first, then all of it; half of what it is to foresee is what the twin foresees

Each stage is a job of the trainer with a budget of 150 minutes; what was done before goes on where it stood.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from stages import HOME, SECONDS, begin, install, train

JOBS, MODELS, PACKAGES = HOME / "training" / "hybrid", HOME / "models", HOME / "packages"
BASE = "smollm2-135m-instruct"
NAMES = {"whole": "secretariat-h-135m", "dense": "secretariat-dense-135m"}
STAGES = ("windows", "dense", "whole")
FILES = ("config.json", "deltas.safetensors")
TRAINING = ("python3.11-doc", "debian-handbook")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stage", choices=STAGES, help="only this one")
    parser.add_argument("--packages", type=Path, default=PACKAGES, help="a folder with the .deb files")
    parser.add_argument("--models", type=Path, default=MODELS, help="where the base is and the results go")
    parser.add_argument("--jobs", type=Path, default=JOBS, help="where stages keep their states")
    parser.add_argument("--keep", type=int, default=8, help="layers that stay whole")
    parser.add_argument("--steps", type=int, default=125, help="of 4,096 tokens, of whole and dense alike")
    parser.add_argument("--threads", type=int, default=2, help="1: for two stages side by side")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="the budget of each stage")
    parser.add_argument("--guard", action="append", default=[], help="texts that must not be trained on")
    options = parser.parse_args()
    packages = [str(_package(options.packages, name)) for name in TRAINING]
    for stage in [options.stage] if options.stage else STAGES:
        folder = options.jobs / stage
        if not _finished(folder):
            begin(folder, {**_common(options, packages), **_own(stage, options)})
            train(folder)
        if not _finished(folder):
            print(f"{stage} stopped on the way: the same command goes on with it")
            return 1
        if stage in NAMES:
            install(FILES, folder / "result", options.models / NAMES[stage])
            print(f"{NAMES[stage]} is in {options.models / NAMES[stage]}")
    return 0


def _finished(folder: Path) -> bool:
    return any((folder / "result" / name).is_file() for name in ("summary.json", "windows.json"))


def _common(options: argparse.Namespace, packages: list[str]) -> dict[str, Any]:
    return {
        "recipe": "transfer", "model": str(options.models / BASE), "data": packages, "seed": 1,
        "dtype": "float32", "frozen": "u8", "threads": options.threads,
        "checkpoint": False, "window": 256, "sinks": 4, "gate": "after", "branch_rank": 64,
        "max_seconds": options.seconds, "guard": options.guard,
    }  # fmt: skip


def _own(stage: str, options: argparse.Namespace) -> dict[str, Any]:
    if stage == "windows":
        return {"stage": stage, "row_tokens": 2048, "held_out_rows": 4, "keep": options.keep}
    own: dict[str, Any] = {
        "stage": "whole", "hybrid_layers": [], "row_tokens": 2048, "batch_tokens": 4096, "learning_rate": 1e-3,
        "steps": options.steps, "evaluate_every": 25, "state_every": 5, "held_out_rows": 4, "learn": {"rank": 16},
    }  # fmt: skip
    if stage == "dense":
        return own
    windows = json.loads((options.jobs / "windows" / "result" / "windows.json").read_text())
    return own | {
        "hybrid_layers": windows["hybrid_layers"], "learning_rate": 1.5e-3,
        "teacher": str(options.jobs / "dense" / "result"), "taught": 0.5,
        "branches_first": round(0.28 * options.steps),
    }  # fmt: skip


def _package(folder: Path, name: str) -> Path:
    """Downloads it with apt-get where that is."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (found := sorted(folder.glob(f"{name}_*.deb"))) and shutil.which("apt-get"):
        subprocess.run(["apt-get", "download", name], cwd=folder, check=False)
        found = sorted(folder.glob(f"{name}_*.deb"))
    if not found:
        sys.exit(f"no {name}_*.deb in {folder}: get it from Debian 12 and pass --packages FOLDER")
    return found[-1]


if __name__ == "__main__":
    sys.exit(main())
