"""`make train-experts`: adapters of a base model for what is asked of it, in stages that can be broken off.

grounded  answers from documents, with the words that it rests on, or none
tools     one call of a tool, or none that fits
plans     the steps of a request
forms     fields out of a text, and sums in words
intent    a label out of several

Each is a stage: its data are made (`secretariat.models.training.data`), what repeats a test left out, then a job
of the trainer with a budget of 150 minutes. What was done before goes on where it stood. Then the router is fitted
and all of it is installed as one model that knows which expert answers.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages import HOME, JOB, SECONDS, SUMMARY, begin, install, run, train

BASE, EMBEDDER, GENERAL = "smollm2-135m-instruct", "all-minilm-l6-v2", "chat"
TRAINING, HELD_OUT, ROUTING = 1, 2, 3  # seeds
LEAST_HELD_OUT = 12_000  # tokens: of a dozen examples chance says which step was best
FILES = ("adapter_config.json", "adapter_model.safetensors")


@dataclass(frozen=True, slots=True)
class Expert:
    """`kinds`: which data, as shares of its tokens. `tokens`: its budget; a step takes `batch` of them, in rows of
    `row`. `acts`: see docs/adr/0017. `forms`, `documents`, `labels`: as in models/experts/team.py."""

    about: str
    kinds: Mapping[str, float]
    tokens: int
    rank: int
    batch: int
    forms: tuple[str, ...]
    acts: str = "answer"
    row: int = 1024
    documents: bool = False
    labels: bool = False


EXPERTS = {
    "grounded": Expert(
        "questions about given sources", {"fairytale": 0.75, "sources": 0.18, "copied": 0.07}, 1_400_000, 16, 6144,
        ("documents", "span"), acts="question", row=3072, documents=True,
    ),
    "tools": Expert("calls of tools", {"tools": 1}, 800_000, 8, 2048, ("call",), acts="always"),
    "plans": Expert(
        "plans of several steps over tools", {"plans": 1}, 1_600_000, 8, 4096, ("plan",), acts="always", row=2048,
    ),
    "forms": Expert(
        "fields out of texts, and sums", {"extraction": 0.6, "calculation": 0.4}, 150_000, 8, 2048, ("schema",),
    ),
    "intent": Expert("choosing a label for a text", {"clinc": 1}, 100_000, 8, 2048, ("choice",), labels=True),
}  # fmt: skip
LENGTHS = {  # tokens of an example, about: by itself, and where prompts that begin alike are read once
    "fairytale": (555, 140), "sources": (285, 125), "copied": (410, 210), "tools": (205, 100), "plans": (330, 330),
    "extraction": (148, 143), "calculation": (175, 50), "clinc": (115, 115),
}  # fmt: skip
PUBLIC = {
    "fairytale": ("fairytaleqa/train.jsonl", "fairytaleqa/val.jsonl"),
    "clinc": ("clinc150/data_full.json", "clinc150/data_full.json"),
}


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    for name in options.expert or EXPERTS:
        folder = options.jobs / name
        if not (folder / SUMMARY).is_file():
            _prepare(name, folder, options)
            if options.adopt:
                _adopt(name, folder, options)
            else:
                train(folder)
        if not (folder / SUMMARY).is_file():
            print(f"{name} stopped on the way: the same command goes on with it")
            return 1
    trained = [name for name in EXPERTS if (options.jobs / name / SUMMARY).is_file()]
    if options.adopt:
        print(f"{', '.join(trained)}: data are in {options.jobs}, adapters are the base's own")
    elif len(trained) == len(EXPERTS) or options.install:
        _install(trained, options)
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--expert", action="append", choices=EXPERTS, help="only this one; may be repeated")
    parser.add_argument("--base", default=BASE, help="the model to adapt, by its name in the models' folder")
    parser.add_argument(
        "--sets", type=Path, help="a folder with fairytaleqa/ and clinc150/; without it none of them"
    )
    parser.add_argument(
        "--guard", type=Path, action="append", default=[], help="tests that must not be trained on"
    )
    parser.add_argument(
        "--models", type=Path, default=HOME / "models", help="where the base is and the result goes"
    )
    parser.add_argument("--jobs", type=Path, help="where stages keep their data and states")
    parser.add_argument("--name", help="of the result; the base's with -experts")
    parser.add_argument("--tokens", action="append", default=[], metavar="EXPERT=N", help="another budget")
    parser.add_argument(
        "--start", action="append", default=[], metavar="EXPERT=FOLDER",
        help="an adapter to go on from, of the base or of a close relation of it",
    )  # fmt: skip
    parser.add_argument(
        "--acts", choices=("always", "question", "answer"),
        help="instead of each expert's own: late ones leave prompts the base's, read once and shared by all",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, default=2, help="1: for two stages side by side")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="the budget of each stage")
    parser.add_argument(
        "--install", action="store_true", help="those that are trained, though others aren't yet"
    )
    parser.add_argument(
        "--adopt", action="store_true",
        help="make the data, but take the experts that the base brings: to train a mixture or vectors beside them",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    options.jobs = options.jobs or HOME / "training" / f"experts-{options.base}"
    options.name = options.name or f"{options.base}-experts"
    options.starts = dict(_named(given, parser) for given in options.start)
    options.budgets = {name: expert.tokens for name, expert in EXPERTS.items()}
    for given in options.tokens:
        name, tokens = _named(given, parser)
        if not tokens.isdigit():
            parser.error(f"{given}: not a number of tokens")
        options.budgets[name] = int(tokens)
    return options


def _named(given: str, parser: argparse.ArgumentParser) -> tuple[str, str]:
    name, _, value = given.partition("=")
    if name not in EXPERTS or not value:
        parser.error(f"{given}: not EXPERT=…, of {', '.join(EXPERTS)}")
    return name, value


def _prepare(name: str, folder: Path, options: argparse.Namespace) -> None:
    """A job that was begun keeps its own words: a state belongs to them."""
    if (folder / JOB).is_file():
        return
    expert, budget = EXPERTS[name], options.budgets[name]
    learnt = list(_data(expert, folder / "data", budget, TRAINING, options))
    held_out = list(_data(expert, folder / "held-out", max(LEAST_HELD_OUT, budget // 40), HELD_OUT, options))
    if not learnt:
        sys.exit(f"{name} needs public sets: name their folder with --sets")
    steps = max(1, budget // expert.batch)
    learn: dict[str, Any] = {
        "kind": "lora", "rank": expert.rank, "alpha": 2.0 * expert.rank, "acts": options.acts or expert.acts,
    }  # fmt: skip
    if name in options.starts:
        told = json.loads((Path(options.starts[name]) / FILES[0]).read_text(encoding="utf-8"))
        learn |= {"start": options.starts[name], "targets": told["target_modules"]}
    job = {
        "recipe": "sft", "model": str(options.models / options.base), "data": learnt, "held_out": held_out,
        "guard": list(map(str, options.guard)), "seed": TRAINING, "steps": steps, "batch_tokens": expert.batch,
        "row_tokens": expert.row, "learning_rate": 1e-3, "learn": learn,
        "dtype": "float32", "frozen": "u8", "checkpoint": False, "threads": options.threads,
        "evaluate_every": max(1, steps // 5), "state_every": 8, "max_seconds": options.seconds,
    }  # fmt: skip
    begin(folder, job)


def _adopt(name: str, folder: Path, options: argparse.Namespace) -> None:
    brought: Path = options.models / options.base / "experts" / name
    if not (brought / FILES[0]).is_file():
        sys.exit(f"{brought} isn't there: {options.base} brings no expert {name}, train it without --adopt")
    install(FILES, brought, folder / "result")
    (folder / SUMMARY).write_text(json.dumps({"adopted": str(brought)}) + "\n", encoding="utf-8")


def _data(expert: Expert, folder: Path, tokens: int, seed: int, options: argparse.Namespace) -> Iterator[str]:
    for kind, share in expert.kinds.items():
        count = int(tokens * share / LENGTHS[kind][(options.acts or expert.acts) != "always"])
        if (made := _made(kind, folder, count, seed, options)) is not None:
            yield str(made)


def _made(kind: str, folder: Path, count: int, seed: int, options: argparse.Namespace) -> Path | None:
    """A file of so many examples; none of a public set that isn't there. A tenth more than the budget takes."""
    out = folder / f"{kind}.jsonl"
    wanted = ["--out", str(out), "--count", str(count + count // 10 + 1), "--seed", str(seed)]
    if kind in PUBLIC:
        source = options.sets / PUBLIC[kind][seed != TRAINING] if options.sets else None
        if source is None or not source.is_file():
            print(f"{kind} is left out: no {PUBLIC[kind][0]} below --sets")
            return None
        wanted += ["--source", str(source)]
    if kind == "clinc" and seed == HELD_OUT:
        wanted += ["--part", "val", "--part", "oos_val"]
    for tests in options.guard:
        wanted += ["--guard", str(tests)]
    run("secretariat.models.training.data", kind, *wanted)
    return out


def _install(trained: list[str], options: argparse.Namespace) -> None:
    """`experts.json` is written last: without it the folder is no model."""
    into = options.models / options.name
    for name in trained:
        install(FILES, options.jobs / name / "result", into / "experts" / name)
    told: dict[str, Any] = {GENERAL: {"about": "small talk and everything else"}}
    for name in trained:
        told[name] = {
            "about": EXPERTS[name].about,
            "adapter": f"experts/{name}",
            "forms": list(EXPERTS[name].forms),
        }
        told[name] |= {flag: True for flag in ("documents", "labels") if getattr(EXPERTS[name], flag)}
    _fit_router(trained, into / "router", options)
    team = {"model": options.base, "general": GENERAL, "experts": told}
    (into / "experts.json").write_text(json.dumps(team, indent=1) + "\n", encoding="utf-8")
    print(f"{options.name} is in {into}: {', '.join(trained)}")


def _fit_router(trained: list[str], into: Path, options: argparse.Namespace) -> None:
    """On what users write to each expert, of seeds that nothing was trained on. A question to documents says
    nothing without them: who gives documents is known by that."""
    files = []
    for part, count, seed in (("examples", 160, ROUTING), ("held-out", 60, ROUTING + 1)):
        lines = [
            {"text": text, "expert": expert}
            for name in trained
            for text, expert in _asked(name, part, count, seed, options)
        ]
        lines += [{"text": text, "expert": GENERAL} for text in _chatted(part, count, options)]
        file = options.jobs / "router" / f"{part}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        files.append(str(file))
    run(
        "secretariat.models.commands", "--models-dir", str(options.models), "router", EMBEDDER,
        "--examples", files[0], "--held-out", files[1], "--general", GENERAL, "--directory", str(into),
    )  # fmt: skip


def _asked(
    name: str, part: str, count: int, seed: int, options: argparse.Namespace
) -> Iterator[tuple[str, str]]:
    kinds = [kind for kind in EXPERTS[name].kinds if not (EXPERTS[name].documents and kind in PUBLIC)]
    for kind in kinds:
        file = _made(kind, options.jobs / "router" / part, count // len(kinds), seed, options)
        for line in file.read_text(encoding="utf-8").splitlines() if file else ():
            record = json.loads(line)
            yield record["messages"][-2]["content"], GENERAL if "documents" in record else name


def _chatted(part: str, count: int, options: argparse.Namespace) -> Iterator[str]:
    """What people say to an assistant without a form: requests of CLINC150, those of its parts in turn."""
    source = options.sets / PUBLIC["clinc"][0] if options.sets else None
    if source is None or not source.is_file():
        sys.exit("the router is fitted on requests of CLINC150 too: name its folder with --sets")
    rows = json.loads(source.read_text(encoding="utf-8"))["train" if part == "examples" else "val"]
    for text, _label in rows[:: max(1, len(rows) // count)][:count]:
        yield text


if __name__ == "__main__":
    sys.exit(main())
