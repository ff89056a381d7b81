"""`make bench-quality`: how good a model is at the product's jobs, on data that nothing was trained on.

`python -m benchmarks.quality MODEL+ADAPTER … --size N --only xquad …`: the base runs in the same run, under the
same prompts and grammars; the figures are those of the last model named. Sizes below the sets' own are for a look,
and are named so in the results.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from benchmarks.quality import agentdojo
from benchmarks.quality.answering import Answerer, Named
from benchmarks.quality.calls import PARTS, calls_right
from benchmarks.quality.grounded import Question, Score, items, judged, score
from benchmarks.quality.handbook import asked_of_handbook
from benchmarks.quality.plans import planned
from benchmarks.quality.sets import DATA, pubmedqa, xquad
from benchmarks.quality.weighing import weighed
from benchmarks.report import Figure, Report

BASE = "smollm2-135m-instruct"
WHOLE = 10**6
_SEED = 7
_TRANSFER = 0.8


@dataclass
class Run:
    """One model's way through the sets. `reach`: its figures count."""

    answerer: Answerer
    report: Report
    size: int
    reach: bool
    xquad: Score | None = None

    def figure(
        self, name: str, measured: float, reach: float, *, least: bool = True, unit: str = "%"
    ) -> None:
        if self.reach:
            scaled = 100.0 if unit == "%" else 1.0
            self.report.add(Figure(name, scaled * measured, scaled * reach, unit, least))

    def note(self, name: str, value: object) -> None:
        self.report.note(f"{self.answerer.named}, {name}", value)


def over_xquad(run: Run) -> None:
    found = run.xquad = _grounded(run, "XQuAD", *xquad())
    run.figure("XQuAD en: token F1 over all answerable", found.words, 0.58)
    run.figure("XQuAD en: cites the gold paragraph alone, of those answered", found.cited, 0.95)
    run.figure("XQuAD en: abstains when it must", found.abstained_rightly, 0.85)
    run.figure("XQuAD en: abstains when it mustn't", found.abstained_wrongly, 0.12, least=False)


def over_pubmedqa(run: Run) -> None:
    found = _grounded(run, "PubMedQA", *pubmedqa())
    near = run.xquad
    run.figure("PubMedQA: cites its own abstract", found.cited, _TRANSFER * (near.cited if near else 0.95))
    within = _TRANSFER * (near.abstained_rightly if near else 0.85)
    run.figure("PubMedQA: abstains when it must", found.abstained_rightly, within)


def _grounded(run: Run, name: str, questions: Sequence[Question], passages: Sequence[str]) -> Score:
    """The sources are the same whatever the size: drawn over all questions."""
    every = items(questions, passages, _SEED)
    chosen = [weighed(item) for item in every[:: max(1, len(every) // run.size)][: run.size]]
    results = run.answerer.answers([item.asked for item in chosen])
    found = score([judged(item, result) for item, result in zip(chosen, results, strict=True)])
    run.note(name, {key: round(value, 3) for key, value in asdict(found).items()})
    return found


def over_handbook(run: Run) -> None:
    found = asked_of_handbook(run.answerer, run.size)
    run.note("handbook", asdict(found))
    run.figure("handbook: tasks with their facts right, of 15", found.facts_right, 10, unit="")
    run.figure("handbook: rightly abstained, of 5", found.abstained_right, 4, unit="")


def over_bfcl(run: Run) -> None:
    for part, reach in PARTS.items():
        share, _ = calls_right(run.answerer, part, run.size)
        run.note(f"BFCL {part}", round(share, 3))
        run.figure(f"BFCL {part}, its own rules, grammar from the schema", share, reach)


def over_plans(run: Run) -> None:
    found = planned(run.answerer, run.size)
    run.note("plans: valid, right tools in right order", [round(found.valid, 3), round(found.right, 3)])
    run.figure("plans over 30 tools: valid", found.valid, 1.0)
    run.figure("plans over 30 tools: right tools in right order", found.right, 0.70)


def over_agentdojo(run: Run) -> None:
    found = agentdojo.planned(run.answerer, run.size)
    run.note("AgentDojo, sequences of tools", found)


SETS: dict[str, Callable[[Run], None]] = {
    "xquad": over_xquad,
    "pubmedqa": over_pubmedqa,
    "handbook": over_handbook,
    "bfcl": over_bfcl,
    "plans": over_plans,
    "agentdojo": over_agentdojo,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", type=Named.of, metavar="MODEL[+ADAPTER]")
    parser.add_argument("--size", type=int, default=WHOLE, help="questions of each set; all without it")
    parser.add_argument("--only", nargs="+", choices=[*SETS], default=[*SETS])
    given = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"not measured: the public sets are not at {DATA}")
    report = Report("quality" if given.size == WHOLE else "quality-sample")
    models = [Named.of(BASE), *(each for each in given.models if str(each) != BASE)]
    report.note("questions of each set", "all" if given.size == WHOLE else given.size)
    for named in models:
        with Answerer(named) as answerer:
            run = Run(answerer, report, given.size, reach=named is models[-1])
            for name in given.only:
                before = answerer.seconds
                SETS[name](run)
                run.note(f"{name}, seconds", round(answerer.seconds - before, 1))
            spoken = [answerer.prompt_tokens, answerer.cached_tokens, answerer.drawn_tokens]
            run.note("tokens of prompts, of them from the cache, drawn", spoken)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
