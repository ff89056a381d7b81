"""The mixture that the experts were made into, beside the best of them, task by task.

Its folder is the base's name with -moe below the models' folder; its tasks are the mixed requests, by expert.
"""

from pathlib import Path

import numpy as np

from benchmarks.experts.alone import Scores, judged, scores, scores_alone
from benchmarks.experts.answering import Answering
from benchmarks.experts.tasks import REQUESTS, model, team
from benchmarks.ours import MODELS
from benchmarks.report import Figure, Report
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.planning.plan import active_parameters

_DRAWS, _SEED = 10_000, 5


def folder() -> Path:
    """Of the mixture."""
    return MODELS / f"{model()}-moe"


def needed() -> tuple[str, ...]:
    return (REQUESTS, str(folder()))


def over_mixture(report: Report) -> None:
    ours, asked = team(), judged()
    names = tuple(expert.name for expert in ours.experts)
    alone_QL = scores_alone(names)
    with Answering(folder().name, {}) as chat:
        mixed_Q = np.array(scores(chat, asked))
    best = int(alone_QL.mean(axis=0).argmax())
    report.note("mixture: best single expert", names[best])
    gained_Q = mixed_Q - alone_QL[:, best]
    of_Q = np.array([task.expert for task in asked])
    worse = 0
    for name in sorted(set(of_Q)):
        low, high = interval(gained_Q[of_Q == name])
        worse += high < 0
        report.note(
            f"mixture: {name}, points beyond the best single expert",
            {"mean": _points(gained_Q[of_Q == name].mean()), "95 %": (_points(low), _points(high))},
        )
    report.add(
        Figure("mixture: tasks significantly worse than the best single expert", worse, 0, "", least=False)
    )
    mean = _points(gained_Q.mean())
    report.add(Figure("mixture: mean beyond the best single expert", mean, 0.01, "points"))
    active, base = (active_parameters(open_checkpoint(one).config) for one in (folder(), MODELS / ours.model))
    report.note("mixture: active parameters", {"mixture": active, "base": base})
    report.add(Figure("mixture: active parameters beside the base", active / base, 1.4, least=False))


def interval(differences_Q: Scores) -> tuple[float, float]:
    """Bounds of the mean, 95 %: paired bootstrap over requests."""
    draws = np.random.default_rng(_SEED).integers(len(differences_Q), size=(_DRAWS, len(differences_Q)))
    low, high = np.quantile(differences_Q[draws].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


def _points(value: float) -> float:
    return round(100 * float(value), 2)
