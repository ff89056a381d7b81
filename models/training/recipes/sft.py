"""Supervised fine-tuning: the mean loss of the answers' tokens, and of whole texts, on adapters or all weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeGuard

from torch import Tensor

from secretariat.models.nets.decoder import Decoder
from secretariat.models.training.acting import Place, header_of, late, placing
from secretariat.models.training.carrying import carries
from secretariat.models.training.examples import Example, Text, fitting, read_documents
from secretariat.models.training.forward import hidden
from secretariat.models.training.job import Job
from secretariat.models.training.learnt import Learnt
from secretariat.models.training.loss import Teaching, loss_sum
from secretariat.models.training.model import learning, open_model
from secretariat.models.training.packing import Document, Order, Rows, first_fit, laid_out
from secretariat.models.training.run import HELD_OUT, Measured, Run
from secretariat.models.training.shared_prompts import Answered


def main(job: Job, folder: Path) -> bool:
    """False where it was stopped on the way. Raises ModelError."""
    opened = open_model(job)
    part = learning(job, opened)
    learnt = Learnt([part])
    examples, held_out = (
        fitting(read_documents(list(map(Path, paths)), opened.chat, job.row_tokens), job.row_tokens)
        if paths
        else []
        for paths in (job.data, job.held_out)
    )
    facts = {"examples": len(examples), "held_out_examples": len(held_out)}
    acts = job.learn.acts
    if acts != "always" and carries(opened.decoder.config) and _asked(examples) and _asked(held_out):
        late(part, acts)
        header = header_of(opened.chat)
        answered = Answered(opened.decoder, learnt, header, job, examples, held_out)
        return Run(job, folder, learnt, answered).go(facts)
    place = placing(part, acts, opened.chat)
    supervised = Supervised(opened.decoder, job, examples, held_out, place)
    return Run(job, folder, learnt, supervised).go(facts)


def _asked(documents: Sequence[Example | Text]) -> TypeGuard[Sequence[Example]]:
    """Whether all have a prompt: texts have none."""
    return all(isinstance(each, Example) for each in documents)


class Supervised:
    """An Objective over documents of which some tokens are learnt. A part of a batch is one row."""

    def __init__(
        self,
        decoder: Decoder,
        job: Job,
        documents: Sequence[Document],
        held_out: Sequence[Document],
        place: Place | None = None,
    ) -> None:
        self._decoder = decoder
        self._place = place
        self._job = job
        self._documents = documents
        self._order = Order(
            [len(document.tokens) for document in documents],
            row_tokens=job.row_tokens,
            batch_tokens=job.batch_tokens,
            seed=job.seed,
        )
        self._held_out = _in_rows(held_out, job.row_tokens)
        self._learnt = 1

    def batch(self, step: int) -> list[Rows]:
        rows = [laid_out(self._documents, [row]) for row in self._order.step(step)]
        self._learnt = max(1, sum(one.learnt for one in rows))
        return rows

    def loss(self, part: Rows, teaching: Teaching | None = None) -> Measured:
        return Measured(self._sum(part, teaching) / self._learnt, part.tokens)

    def held_out(self) -> Mapping[str, float] | None:
        if not self._held_out:
            return None
        total = sum(float(self._sum(rows)) for rows in self._held_out)
        return {HELD_OUT: total / max(1, sum(rows.learnt for rows in self._held_out))}

    def _sum(self, rows: Rows, teaching: Teaching | None = None) -> Tensor:
        if self._place is not None:
            self._place(rows)
        last_BTE = hidden(self._decoder, rows, checkpoint=self._job.checkpoint)
        return loss_sum(self._decoder, last_BTE, rows, teaching)


def _in_rows(documents: Sequence[Document], row_tokens: int) -> list[Rows]:
    lengths = [len(document.tokens) for document in documents]
    return [laid_out(documents, [row]) for row in first_fit(lengths, row_tokens)]
