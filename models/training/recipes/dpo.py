"""Direct preference optimisation (arXiv:2305.18290): what was chosen becomes likelier than what was rejected,
compared with the network that the run began with.

Own settings: `beta`, how much a difference in log-probability counts.
"""

from pathlib import Path

from torch import Tensor

from secretariat.models.nets.decoder import Decoder
from secretariat.models.training.acting import Place, placing
from secretariat.models.training.forward import hidden
from secretariat.models.training.job import Job
from secretariat.models.training.learnt import Learnt
from secretariat.models.training.loss import log_probs
from secretariat.models.training.model import learning, open_model
from secretariat.models.training.pairs import OverPairs, PairRows, Pairs, read_pairs
from secretariat.models.training.preferences import (
    Answers,
    agreement,
    direct_preference_margins,
    preference_losses,
    sums_by_answer,
)
from secretariat.models.training.reference import Reference
from secretariat.models.training.run import Measured, Run
from secretariat.models.training.settings import Settings


def main(job: Job, folder: Path) -> bool:
    """False where it was stopped on the way. Raises ModelError."""
    settings = Settings(job.own)
    beta = settings.number("beta", 0.1, above=0)
    settings.nothing_else()
    opened = open_model(job)
    part = learning(job, opened)
    place = placing(part, job.learn.acts, opened.chat)
    learnt = Learnt([part])
    pairs, held_out = read_pairs(job, opened.chat)
    objective = DirectPreference(opened.decoder, learnt, place, job, beta, pairs, held_out)
    facts = {"examples": len(pairs), "held_out_examples": 0 if held_out is None else len(held_out)}
    return Run(job, folder, learnt, objective).go(facts)


class DirectPreference(OverPairs):
    """An Objective."""

    def __init__(
        self,
        decoder: Decoder,
        learnt: Learnt,
        place: Place,
        job: Job,
        beta: float,
        pairs: Pairs,
        held_out: Pairs | None,
    ) -> None:
        super().__init__(pairs, held_out)
        self._decoder = decoder
        self._place = place
        self._job = job
        self._beta = beta
        self._reference = Reference(learnt)

    def loss(self, part: PairRows) -> Measured:
        margins_P = self.leads(part)
        told = {"agreement": agreement(margins_P.detach()), "margin": float(margins_P.detach().sum())}
        shares = {name: value / self.count for name, value in told.items()}
        return Measured(preference_losses(margins_P).sum() / self.count, part.rows.tokens, shares)

    def leads(self, part: PairRows) -> Tensor:
        # The reference reads the very same rows: other rows would round otherwise, and the loss begin beside ln 2.
        with self._reference.here():
            reference = self._said(part)
        return direct_preference_margins(self._said(part), reference, self._beta)

    def _said(self, part: PairRows) -> Answers:
        """Log-probabilities of whole answers; the prompt's tokens aren't learnt and count nothing."""
        rows = part.rows
        self._place(rows)
        last_BTE = hidden(self._decoder, rows, checkpoint=self._job.checkpoint)
        said_M = log_probs(self._decoder, last_BTE, rows)
        return Answers.of(sums_by_answer(said_M, rows.learnt_documents_M, 2 * part.pairs))
