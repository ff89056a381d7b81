"""The composition on mixed requests: the router's choices, what they cost beside the oracle's, what they gain."""

import asyncio
from collections import defaultdict

import numpy as np

from benchmarks.experts.alone import scores_alone
from benchmarks.experts.tasks import CALL, REQUESTS, mean, served, tasks, team
from benchmarks.ours import MODELS, THREADS
from benchmarks.report import Figure, Report
from secretariat.models.engine.embedding import LocalEmbedder
from secretariat.models.experts.judging import (
    abstain_curve,
    calibration_error,
    regret,
)
from secretariat.models.experts.router import Route, asked
from secretariat.models.experts.router_files import TENSORS
from secretariat.models.experts.team import ROUTER
from secretariat.models.nets.load_encoder import load_embedder


def needed() -> tuple[str, ...]:
    return (REQUESTS, str(served() / ROUTER / TENSORS))


def over_requests(report: Report) -> None:
    """Every request is routed. Of those whose right answer is known every expert answers each once: oracle and
    single experts are read from the same answers."""
    asked_for, ours = tasks(REQUESTS), team().served
    router = ours.router
    assert router is not None
    texts = [asked(task.request.messages) for task in asked_for]
    embedder = LocalEmbedder(load_embedder(MODELS / "all-minilm-l6-v2", threads=THREADS))
    routes = asyncio.run(router.choose(texts, embedder, CALL))
    made = asyncio.run(embedder.embed(texts, CALL))
    embedder.close()
    chances_QL = router.probabilities(np.stack([np.frombuffer(vector, "<f4") for vector in made.vectors]))
    wanted_Q = np.array([router.experts.index(task.expert) for task in asked_for])
    chosen_Q = np.array(
        [
            router.experts.index((ours.sure(task.request) or ours.chosen(task.request, route)).name)
            for task, route in zip(asked_for, routes, strict=True)
        ]
    )
    _told(report, routes, chances_QL, wanted_Q)
    report.add(Figure("router: accuracy", 100 * float((chosen_Q == wanted_Q).mean()), 95, "%"))
    scores_QL = scores_alone(router.experts)
    of_Q = np.array([task.judged for task in asked_for])
    report.note("requests: routed, of them judged by their answers", (len(of_Q), int(of_Q.sum())))
    chosen_Q, wanted_Q = chosen_Q[of_Q], wanted_Q[of_Q]
    for task in np.unique(wanted_Q):
        alone = zip(router.experts, scores_QL[wanted_Q == task].mean(axis=0), strict=True)
        report.note(f"{router.experts[task]}: each expert alone", {e: round(float(s), 3) for e, s in alone})
    report.add(
        Figure(
            "router: regret against the oracle", 100 * regret(scores_QL, chosen_Q), 3, "points", least=False
        )
    )
    _against_single(report, scores_QL, chosen_Q, wanted_Q, router.experts)


def _told(report: Report, routes: list[Route], chances_QL: np.ndarray, wanted_Q: np.ndarray) -> None:
    report.note("router: ECE", round(calibration_error(chances_QL, wanted_Q), 4))
    report.note("router: abstained", round(mean([float(route.abstained) for route in routes]), 4))
    curve = abstain_curve(chances_QL, wanted_Q)
    report.note("router: abstain curve", [(round(c.coverage, 2), round(c.accuracy, 4)) for c in curve])


def _against_single(
    report: Report, scores_QL: np.ndarray, chosen_Q: np.ndarray, wanted_Q: np.ndarray, names: tuple[str, ...]
) -> None:
    had_Q = scores_QL[np.arange(len(chosen_Q)), chosen_Q]
    best = int(scores_QL.mean(axis=0).argmax())
    single_Q = scores_QL[:, best]
    report.note("best single expert", names[best])
    report.add(
        Figure(
            "composition: beyond the best single expert",
            100 * float(had_Q.mean() - single_Q.mean()), 5, "points",
        )
    )  # fmt: skip
    differences = defaultdict(float)
    for task, name in enumerate(names):
        of = wanted_Q == task
        if of.any():
            differences[name] = 100 * float(had_Q[of].mean() - single_Q[of].mean())
    report.note("composition by task, points", {name: round(value, 2) for name, value in differences.items()})
    report.add(Figure("composition: its worst task", min(differences.values()), 0, "points"))
