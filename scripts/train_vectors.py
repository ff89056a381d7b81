"""`make train-vectors`: a low-rank adapter and two singular-value vectors that learnt the same, to be compared.

lora    of rank 16, on the data of the expert for answers from documents; that expert itself, if it has this rank
svf     a factor for each singular value of each feed-forward matrix, on the same data
svf-rl  goes on from it, by what its own answers are worth

Each is a stage: a job of the trainer with a budget of 150 minutes. What was done before goes on where it stood.
Then they are put where `make bench-experts` reads them, with the basis that vectors are over.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages import HOME, JOB, SECONDS, SUMMARY, begin, install, train

BASE, EXPERT = "smollm2-135m-instruct", "grounded"
RANK, SETTINGS = 16, "adapter_config.json"
FILES = (SETTINGS, "adapter_model.safetensors", "vector.safetensors")
REWARDS = {"overlap": 1.0, "cites": 1.0, "abstains": 1.0}
STAGES = ("lora", "svf", "svf-rl")
PLAIN = (  # of a job that learns from examples what one that learns from rewards has, too
    "data", "held_out", "guard", "seed", "row_tokens", "dtype", "frozen", "checkpoint",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    taught = _taught(options)
    basis = _basis(options)
    for stage in options.stage or STAGES:
        folder: Path = options.jobs / stage
        if stage == "lora" and _rank(options.experts / EXPERT) == RANK:
            folder = options.experts / EXPERT
        elif not (folder / SUMMARY).is_file():
            begin(folder, job(stage, taught, basis, options))
            train(folder)
        if not (folder / SUMMARY).is_file():
            print(f"{stage} stopped on the way: the same command goes on with it")
            return 1
        install(FILES, folder / "result", options.into / stage)
    if all((options.into / stage).is_dir() for stage in STAGES):
        print(f"{', '.join(STAGES)} are in {options.into}")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stage", action="append", choices=STAGES, help="only this one; may be repeated")
    parser.add_argument("--base", default=BASE, help="what the expert was trained on, by its name")
    parser.add_argument("--models", type=Path, default=HOME / "models", help="where it is")
    parser.add_argument("--experts", type=Path, help="where the experts' stages are")
    parser.add_argument("--jobs", type=Path, help="where stages keep their states")
    parser.add_argument("--into", type=Path, default=HOME / "experts", help="where the results go")
    parser.add_argument("--tokens", type=int, help="of the vector by examples; as many as the expert's job")
    parser.add_argument("--learning-rate", type=float, default=1e-2, help="of the vector by examples")
    parser.add_argument("--reward-rate", type=float, default=2e-3, help="of the vector by rewards")
    parser.add_argument("--rounds", type=int, default=150, help="of answers that are judged")
    parser.add_argument("--threads", type=int, default=2, help="1: for two stages side by side")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="the budget of each stage")
    options = parser.parse_args(arguments)
    options.experts = options.experts or HOME / "training" / f"experts-{options.base}"
    options.jobs = options.jobs or HOME / "training" / f"vectors-{options.base}"
    return options


def _taught(options: argparse.Namespace) -> Mapping[str, Any]:
    """The expert's own job: all stages learn from its data."""
    path = options.experts / EXPERT / JOB
    if not path.is_file():
        sys.exit(f"{path} isn't there: begin the expert with make train-experts EXPERT={EXPERT}")
    told: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told


def job(stage: str, taught: Mapping[str, Any], basis: Path, options: argparse.Namespace) -> dict[str, Any]:
    """It acts where the expert does."""
    acts = taught["learn"].get("acts", "always")
    own = {
        "model": str(options.models / options.base),
        "threads": options.threads,
        "max_seconds": options.seconds,
    }
    shared = {**taught, **own}
    if stage == "lora":
        learn = {"kind": "lora", "rank": RANK, "alpha": 2.0 * RANK, "acts": acts}
        return shared | {"recipe": "sft", "learn": learn}
    vector = {"kind": "svf", "basis": str(basis), "acts": acts}
    if stage == "svf":  # one row a step: some fifty thousand numbers gain more by steps than by calmer ones
        row = taught["row_tokens"]
        steps = (options.tokens or taught["steps"] * taught["batch_tokens"]) // row
        return shared | {
            "recipe": "svf", "learn": vector, "learning_rate": options.learning_rate,
            "batch_tokens": row, "steps": steps, "evaluate_every": max(1, steps // 5),
        }  # fmt: skip
    return {name: taught[name] for name in PLAIN if name in taught} | own | {
        "recipe": "svf", "learn": vector | {"start": str(options.jobs / "svf" / "result")},
        "learning_rate": options.reward_rate, "steps": options.rounds, "rewards": REWARDS,
        "prompts": 4, "answers": 8, "answer_tokens": 48, "kl": 0.02,
        "evaluate_every": max(1, options.rounds // 5), "held_out_prompts": 64, "state_every": 5,
    }  # fmt: skip


def _rank(expert: Path) -> int | None:
    """Of an expert that is trained."""
    settings = expert / "result" / SETTINGS
    if not (expert / SUMMARY).is_file():
        return None
    return int(json.loads(settings.read_text(encoding="utf-8"))["r"])


def _basis(options: argparse.Namespace) -> Path:
    """With all singular directions of every matrix. Vectors hold for this one alone: it is made once."""
    file: Path = options.into / f"{options.base}.basis.safetensors"
    if file.is_file():
        return file
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is loaded: cores are shared
    from secretariat.models.adapters.svf import WEIGHTS, make_basis, places, save_basis
    from secretariat.models.checkpoints.digest import weights_sha256
    from secretariat.models.nets.checkpoint import open_checkpoint

    checkpoint = open_checkpoint(options.models / options.base)
    all_of_them = min(min(place.count, place.inputs) for place in places(checkpoint.config))
    made = make_basis(checkpoint.weights, checkpoint.config, all_of_them)
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}")
    save_basis(made, fresh, {"model": options.base, WEIGHTS: weights_sha256(checkpoint.paths)})
    fresh.rename(file)
    return file


if __name__ == "__main__":
    sys.exit(main())
