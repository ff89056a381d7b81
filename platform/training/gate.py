"""Whether an adapter may serve: by fixed rules, from its losses and from its answers beside the base model's.
Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from secretariat.retrieval.measures import difference

Reason = Literal["overfitted", "not_learnt", "too_few_questions", "no_better_than_base"]
LARGEST_GAP = 0.5  # nats a token between held-out and training examples
LEAST_QUESTIONS = 5


@dataclass(frozen=True, slots=True)
class Losses:
    """Of a training job, in nats a token; what wasn't measured is None."""

    loss: float | None
    held_out: float | None
    first_held_out: float | None

    @property
    def gap(self) -> float | None:
        return None if self.loss is None or self.held_out is None else self.held_out - self.loss


def judged(losses: Losses, base: Sequence[float], adapter: Sequence[float]) -> tuple[bool, dict[str, Any]]:
    """Whether it passes, and the result as JSON. `base`, `adapter`: F1 of the answers to the same questions."""
    found = difference(adapter, base)
    interval = asdict(found.interval)
    reasons: list[Reason] = []
    if losses.gap is not None and losses.gap > LARGEST_GAP:
        reasons.append("overfitted")
    first = losses.first_held_out
    if losses.held_out is not None and first is not None and losses.held_out >= first:
        reasons.append("not_learnt")
    if len(base) < LEAST_QUESTIONS:
        reasons.append("too_few_questions")
    if interval["mean"] <= 0:
        reasons.append("no_better_than_base")
    return not reasons, {
        "base_f1": sum(base) / len(base),
        "adapter_f1": sum(adapter) / len(adapter),
        "difference": interval,
        "better": found.better,
        "worse": found.worse,
        "gap": losses.gap,
        "reasons": reasons,
    }
