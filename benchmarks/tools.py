"""`make bench-tools`: the odds of tools fitted anew on invented ones; how often what is wanted is offered."""

import asyncio
import random
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from benchmarks.quality.offering import card_of_action, card_of_tool, embedder
from benchmarks.report import Figure, Report, proven
from secretariat.models.core import CallContext
from secretariat.models.training.data import plans, tool_calls
from secretariat.retrieval.tools import OFFSET, SLOPE, ToolCard, for_a_call, for_a_plan, nearness

Floats = npt.NDArray[np.float64]
_CALL = CallContext("benchmark", "tools")
_FITTED, _HELD_OUT = 4_141, 4_142  # seeds that nothing is trained on
_CASES, _PLANS, _STEPS, _CLOSE = 600, 150, 30, 0.5


def signs(seed: int) -> tuple[Floats, Floats]:
    """Of every tool of every case: its nearness to the request, and whether it is the wanted one."""
    near, wanted = [], []
    for case in tool_calls.cases(seed, _CASES):
        cards = list(map(card_of_tool, case.tools))
        near += list(asyncio.run(nearness([case.request], cards, embedder(), _CALL))[0])
        wanted += [tool is case.wanted for tool in case.tools]
    return np.array(near, float), np.array(wanted, float)


def fitted(near: Floats, wanted: Floats) -> Floats:
    """Logistic regression by Newton's method: slope and offset."""
    weights = np.array([10.0, 4.0])
    columns = np.stack([near, -np.ones_like(near)], axis=1)
    for _ in range(_STEPS):
        chances = 1 / (1 + np.exp(-columns @ weights))
        bend = (columns * (chances * (1 - chances))[:, None]).T @ columns
        weights += np.linalg.solve(bend, columns.T @ (wanted - chances))
    return weights


def planned(seed: int) -> Iterator[tuple[str, list[ToolCard], set[str]]]:
    """Requests over the tools of eight trades, and which tools they take."""
    draw = random.Random(seed)  # noqa: S311 - repeatable
    for _ in range(_PLANS // 10):
        trades = plans.trades(draw, 8)
        actions = [action for trade in trades for action in trade.actions]
        cards = list(map(card_of_action, actions))
        for _ in range(10):
            request, steps = plans.wished(draw.sample(trades, draw.choice((1, 2, 2, 3))), draw)
            yield request, cards, {step.tool for step in steps}


def main() -> int:
    proven("tests/retrieval/test_tools.py")
    report = Report("tools")
    anew = fitted(*signs(_FITTED))
    for name, committed, found in zip(("slope", "offset"), (SLOPE, OFFSET), anew, strict=True):
        difference = round(float(abs(committed - found)), 3)
        report.add(Figure(f"{name}: difference to what is fitted", difference, _CLOSE, "", least=False))
    _calls(report)
    _plans(report)
    embedder().close()
    return report.close()


def _calls(report: Report) -> None:
    kept, refused = [], []
    for case in tool_calls.cases(_HELD_OUT, _CASES):
        cards = list(map(card_of_tool, case.tools))
        offered = asyncio.run(for_a_call(case.request, cards, embedder(), _CALL))
        if case.wanted is None:
            refused.append(not offered)
        else:
            kept.append(case.tools.index(case.wanted) in offered)
    report.note("calls: the wanted tool is offered", round(float(np.mean(kept)), 3))
    report.note("calls: none is offered where none fits", round(float(np.mean(refused)), 3))


def _plans(report: Report) -> None:
    whole, sizes, all_of = [], [], []
    for request, cards, wanted in planned(_HELD_OUT):
        places = asyncio.run(for_a_plan(request, cards, embedder(), _CALL))
        whole.append(wanted <= {cards[place].name for place in places})
        sizes.append(len(places))
        all_of.append(len(cards))
    report.note("plans: all wanted tools are offered", round(float(np.mean(whole)), 3))
    report.note(
        "plans: tools offered, of", [round(float(np.mean(sizes)), 1), round(float(np.mean(all_of)), 1)]
    )


if __name__ == "__main__":
    raise SystemExit(main())
