"""`make train-hybrid`: from SmolLM2 to secretariat-h-135m and its dense twin, in stages that can be broken off.

windows  what each layer's window costs; the six dearest stay whole
layers   branches learn what their windows leave out
whole    everything predicts the text
dense    the twin: no hybrid layer, the same texts in the same order, to measure against

Each stage is a job of the trainer with a budget of 150 minutes; what was done before goes on where it stood.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".secretariat"
JOBS, MODELS, PACKAGES = HOME / "training" / "hybrid", HOME / "models", HOME / "packages"
BASE = "smollm2-135m-instruct"
NAMES = {"whole": "secretariat-h-135m", "dense": "secretariat-dense-135m"}
STAGES = ("windows", "layers", "whole", "dense")
TRAINING = ("python3.11-doc", "debian-handbook")
SECONDS = 9000


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stage", choices=STAGES, help="only this one")
    parser.add_argument("--packages", type=Path, default=PACKAGES, help="a folder with the .deb files")
    parser.add_argument("--models", type=Path, default=MODELS, help="where the base is and the results go")
    parser.add_argument("--jobs", type=Path, default=JOBS, help="where stages keep their states")
    parser.add_argument("--keep", type=int, default=6, help="layers that stay whole")
    parser.add_argument("--layer-steps", type=int, default=200, help="of 2,048 tokens")
    parser.add_argument("--steps", type=int, default=125, help="of 4,096 tokens, of whole and dense alike")
    parser.add_argument("--threads", type=int, default=2, help="1: for two stages side by side")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="the budget of each stage")
    parser.add_argument("--guard", action="append", default=[], help="texts that must not be trained on")
    options = parser.parse_args()
    packages = [str(_package(options.packages, name)) for name in TRAINING]
    for stage in [options.stage] if options.stage else STAGES:
        folder = options.jobs / stage
        if not _finished(folder):
            _run(folder, {**_common(options, packages), **_own(stage, options)})
        if not _finished(folder):
            print(f"{stage} stopped on the way: the same command goes on with it")
            return 1
        if stage in NAMES:
            _install(folder / "result", options.models / NAMES[stage])
    return 0


def _finished(folder: Path) -> bool:
    return any((folder / "result" / name).is_file() for name in ("summary.json", "windows.json"))


def _common(options: argparse.Namespace, packages: list[str]) -> dict[str, Any]:
    return {
        "recipe": "transfer", "model": str(options.models / BASE), "data": packages, "seed": 1,
        "dtype": "float32", "frozen": "u8", "threads": options.threads,
        "checkpoint": False, "window": 384, "sinks": 4, "branch_rank": 64, "max_seconds": options.seconds,
        "guard": options.guard,
    }  # fmt: skip


def _own(stage: str, options: argparse.Namespace) -> dict[str, Any]:
    if stage == "windows":
        # a narrower window sets layers further apart
        return {"stage": stage, "window": 256, "row_tokens": 2048, "held_out_rows": 4, "keep": options.keep}
    layers = json.loads((options.jobs / "windows" / "result" / "windows.json").read_text())["hybrid_layers"]
    if stage == "layers":
        return {
            "stage": stage, "hybrid_layers": layers, "row_tokens": 2048, "batch_tokens": 2048,
            "learning_rate": 3e-3, "steps": options.layer_steps, "evaluate_every": 50, "held_out_rows": 4,
        }  # fmt: skip
    learn: dict[str, Any] = {"rank": 16}
    if stage == "whole":
        learn["start"] = str(options.jobs / "layers" / "result")
    return {
        "stage": "whole", "hybrid_layers": layers if stage == "whole" else [], "row_tokens": 2048,
        "batch_tokens": 4096, "learning_rate": 1e-3, "steps": options.steps, "evaluate_every": 25,
        "state_every": 5, "held_out_rows": 4, "learn": learn,
    }  # fmt: skip


def _run(folder: Path, job: dict[str, Any]) -> None:
    """A job that was begun keeps its own words: a state belongs to them."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "job.json"
    if not path.is_file():
        path.write_text(json.dumps(job, indent=2) + "\n", encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "secretariat.models.training", str(folder)], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def _install(result: Path, into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "deltas.safetensors"):
        shutil.copy2(result / name, into / name)
    print(f"{into.name} is in {into}")


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
