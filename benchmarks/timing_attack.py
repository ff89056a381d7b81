"""Can a tenant tell by the clock whether another has asked the same? 2,000 probes, half of them of cached prompts.

The victim's prompts are in the cache when the attacker asks for the very same tokens and for others, in random
order, and measures the time to the first token. The area under the ROC curve is 0.5 for guessing. A control shows
that the clock would tell if the two were one tenant.
"""

import numpy as np

from benchmarks import ours
from benchmarks.report import Report
from secretariat.models.engine.engine import Engine
from secretariat.models.nets.load import load_chat_model

PROBES, CONTROL, LENGTH, GROUP = 2000, 100, 64, 50


def separability(report: Report) -> float:
    """The AUC across tenants."""
    engine = ours.engine_over(
        load_chat_model(ours.SMOLLM2, threads=ours.THREADS), streams=1, length=16 * 8192
    )
    across = _auc(engine, PROBES, attacker="attacker", seed=1)
    report.note("timing within one tenant, AUC", round(_auc(engine, CONTROL, attacker="victim", seed=2), 3))
    return max(across, 1 - across)


def _auc(engine: Engine, probes: int, *, attacker: str, seed: int) -> float:
    draw = np.random.default_rng(seed)
    cached, fresh = list[float](), list[float]()
    for _ in range(probes // GROUP):
        prompts = draw.integers(100, 40000, (GROUP, LENGTH)).tolist()
        for prompt in prompts[: GROUP // 2]:
            _first_token(engine, prompt, "victim")
        for index in draw.permutation(GROUP):
            times = cached if index < GROUP // 2 else fresh
            times.append(_first_token(engine, prompts[index], attacker))
    faster = np.array(cached)[:, None] < np.array(fresh)[None, :]
    return float(faster.mean())


def _first_token(engine: Engine, prompt: list[int], tenant: str) -> float:
    return ours.run(engine, ours.Timed(prompt, tokens=1, speculate=False, tenant=tenant)).time_to_first
