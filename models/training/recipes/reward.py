"""A Bradley-Terry reward model: what was chosen is worth more than what was rejected (arXiv:2203.02155, eq. 1).

Own settings: `margin`, by how much it should at least be worth more.
"""

from pathlib import Path

from torch import Tensor

from secretariat.models.nets.decoder import Decoder
from secretariat.models.training.job import Job, invalid
from secretariat.models.training.learnt import Learnt
from secretariat.models.training.model import learning, open_model
from secretariat.models.training.pairs import OverPairs, PairRows, Pairs, read_pairs
from secretariat.models.training.preferences import Answers, agreement, preference_losses
from secretariat.models.training.reward_model import WEIGHTS, RewardHead, rewards
from secretariat.models.training.run import Measured, Run
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
    pairs, held_out = read_pairs(job, opened.chat)
    facts = {
        "examples": len(pairs),
        "held_out_examples": 0 if held_out is None else len(held_out),
        WEIGHTS: opened.chat.identity.weights_sha256,
    }
    return Run(job, folder, learnt, Worth(opened.decoder, head, job, margin, pairs, held_out)).go(facts)


class Worth(OverPairs):
    """An Objective."""

    def __init__(
        self,
        decoder: Decoder,
        head: RewardHead,
        job: Job,
        margin: float,
        pairs: Pairs,
        held_out: Pairs | None,
    ) -> None:
        super().__init__(pairs, held_out)
        self._decoder = decoder
        self._head = head
        self._job = job
        self.margin = margin

    def loss(self, part: PairRows) -> Measured:
        lead_P = self.leads(part)
        told = {"agreement": agreement(lead_P.detach()) / self.count}
        return Measured(preference_losses(lead_P, self.margin).sum() / self.count, part.rows.tokens, told)

    def leads(self, part: PairRows) -> Tensor:
        worth_A = rewards(self._decoder, self._head.weight_E, part.rows, checkpoint=self._job.checkpoint)
        return Answers.of(worth_A).lead_P
