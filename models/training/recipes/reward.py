"""A Bradley-Terry reward model: what was chosen is worth more than what was rejected (arXiv:2203.02155, eq. 1).

Own settings: `margin`, by how much it should at least be worth more.
"""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from secretariat.models.nets.decoder import Decoder
from secretariat.models.training.examples import read_preferences
from secretariat.models.training.job import Job, invalid
from secretariat.models.training.learnt import Learnt
from secretariat.models.training.model import learning, open_model
from secretariat.models.training.pairs import PairRows, Pairs
from secretariat.models.training.preferences import Answers, agreement, preference_losses
from secretariat.models.training.reward_model import WEIGHTS, RewardHead, rewards
from secretariat.models.training.run import HELD_OUT, Measured, Run
from secretariat.models.training.settings import Settings


def main(job: Job, folder: Path) -> bool:
    """False where it was stopped on the way. Raises ModelError."""
    settings = Settings(job.own)
    margin = settings.number("margin", 0.0)
    settings.nothing_else()
    if job.learn.kind != "lora":
        raise invalid("learn.kind", "of a reward model is lora")
    opened = open_model(job)
    head = RewardHead(opened.decoder.config.width)
    learnt = Learnt([learning(job, opened), head])
    pairs = Pairs(read_preferences([Path(path) for path in job.data], opened.chat), job)
    held_out = None
    if job.held_out:
        held_out = Pairs(read_preferences([Path(path) for path in job.held_out], opened.chat), job)
    facts = {
        "examples": len(pairs),
        "held_out_examples": 0 if held_out is None else len(held_out),
        WEIGHTS: opened.chat.identity.weights_sha256,
    }
    return Run(job, folder, learnt, Worth(opened.decoder, head, job, margin, pairs, held_out)).go(facts)


class Worth:
    """An Objective over pairs. A part of a batch is one row of them."""

    def __init__(
        self,
        decoder: Decoder,
        head: RewardHead,
        job: Job,
        margin: float,
        pairs: Pairs,
        held_out: Pairs | None,
    ) -> None:
        self._decoder = decoder
        self._head = head
        self._job = job
        self._margin = margin
        self._pairs = pairs
        self._held_out = [] if held_out is None else held_out.everything()
        self._count = 1

    def batch(self, step: int) -> list[PairRows]:
        parts = self._pairs.step(step)
        self._count = sum(part.pairs for part in parts)
        return parts

    def loss(self, part: PairRows) -> Measured:
        lead_P = self._lead(part)
        told = {"agreement": agreement(lead_P.detach()) / self._count}
        return Measured(preference_losses(lead_P, self._margin).sum() / self._count, part.rows.tokens, told)

    def held_out(self) -> Mapping[str, float] | None:
        if not self._held_out:
            return None
        loss, agreed, count = 0.0, 0.0, 0
        for part in self._held_out:
            lead_P = self._lead(part)
            loss += float(preference_losses(lead_P, self._margin).sum())
            agreed += agreement(lead_P)
            count += part.pairs
        return {HELD_OUT: loss / count, "held_out_agreement": agreed / count}

    def _lead(self, part: PairRows) -> Tensor:
        worth_A = rewards(self._decoder, self._head.weight_E, part.rows, checkpoint=self._job.checkpoint)
        return Answers.of(worth_A).lead_P
