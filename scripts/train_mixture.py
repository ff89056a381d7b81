"""`make train-mixture`: one network with a router out of the experts that `make train-experts` made.

A job of the trainer with a budget of 150 minutes over the experts' own data; what was done before goes on where it
stood. The result is a folder beside its base.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from stages import HOME, JOB, SECONDS, SUMMARY, begin, install, train

BASE = "smollm2-135m-instruct"
ROW, BATCH = 1024, 4096
FILES = ("config.json", "mixture.safetensors")


def main(arguments: list[str] | None = None) -> int:
    options = asked(arguments)
    folder: Path = options.jobs / "mixture"
    if not (folder / SUMMARY).is_file():
        begin(folder, job(options))
        train(folder)
    if not (folder / SUMMARY).is_file():
        print("the mixture stopped on the way: the same command goes on with it")
        return 1
    into: Path = options.models / options.name
    install(FILES, folder / "result", into)
    print(f"{options.name} is in {into}")
    return 0


def asked(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", default=BASE, help="what the experts were trained on, by its name")
    parser.add_argument(
        "--models", type=Path, default=HOME / "models", help="where it is and the result goes"
    )
    parser.add_argument("--jobs", type=Path, help="where the experts' stages are")
    parser.add_argument("--name", help="of the result; the base's with -moe")
    parser.add_argument("--rank", type=int, default=6, help="of each expert's changes")
    parser.add_argument("--shared-rank", type=int, default=12, help="of the mixers' pair that all share")
    parser.add_argument("--top", type=int, default=2, help="experts for a token")
    parser.add_argument("--tokens", type=int, default=400_000)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    options = parser.parse_args(arguments)
    options.jobs = options.jobs or HOME / "training" / f"experts-{options.base}"
    options.name = options.name or f"{options.base}-moe"
    return options


def job(options: argparse.Namespace) -> dict[str, Any]:
    """Of the experts that are trained, on what each of them learnt from."""
    stages = {
        path.parents[1].name: json.loads((path.parents[1] / JOB).read_text(encoding="utf-8"))
        for path in sorted(options.jobs.glob(f"*/{SUMMARY}"))
        if path.parents[1].name != "mixture"
    }
    if len(stages) < 2:
        sys.exit(f"{options.jobs} has {len(stages)} trained experts: a mixture is of two or more")
    steps = max(1, options.tokens // BATCH)
    guard = {test for stage in stages.values() for test in stage.get("guard", ())}
    return {
        "recipe": "mixture", "model": str(options.models / options.base),
        "data": [file for stage in stages.values() for file in stage["data"]],
        "held_out": [file for stage in stages.values() for file in stage["held_out"]],
        "guard": sorted(guard), "seed": 1, "steps": steps, "batch_tokens": BATCH, "row_tokens": ROW,
        "learning_rate": options.learning_rate, "learn": {"kind": "lora", "rank": options.rank},
        "top": options.top, "shared_rank": options.shared_rank,
        "experts": [
            {
                "name": name,
                "adapter": str(options.jobs / name / "result"),
                "files": [*stage["data"], *stage["held_out"]],
            }
            for name, stage in stages.items()
        ],
        "dtype": "float32", "frozen": "u8", "checkpoint": False, "threads": options.threads,
        "evaluate_every": max(1, steps // 5), "state_every": 5, "max_seconds": options.seconds,
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
