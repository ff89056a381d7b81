"""Learning from what answers are worth: group-relative policy optimisation (arXiv:2402.03300), or REINFORCE with
the others of a group as baseline (arXiv:2402.14740).

A round draws answers from the engine with what is learnt so far, judges them, and makes one step or more of them.

Own settings: `prompts` of a round, `answers` to each, `answer_tokens` at most; `rewards`, weights by name, and
`reward_model`, a folder, for the one called "learnt"; `advantage`; `updates` from one round, their ratio bounded
by `clip_ratio`; `kl`, the cost of each nat a token away from the network as the run began; `held_out_prompts` that
are answered at an evaluation, at most; 0 for all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from secretariat.models.core import SamplingParams
from secretariat.models.training.acting import header_of, late, placing
from secretariat.models.training.answering import Answering
from secretariat.models.training.carrying import carries
from secretariat.models.training.drawn_answers import BehindPrompts, Reading, Row, WithPrompts
from secretariat.models.training.examples import Task, read_tasks
from secretariat.models.training.job import Job, invalid
from secretariat.models.training.learnt import Learnt
from secretariat.models.training.learnt import Part as LearntPart
from secretariat.models.training.model import Opened, learning, open_model
from secretariat.models.training.policy import (
    AnswerTokens,
    group_advantages,
    leave_one_out_advantages,
    policy_terms,
)
from secretariat.models.training.reference import Reference
from secretariat.models.training.rewards import Judge
from secretariat.models.training.rounds import Round, Rounds, TaskOrder
from secretariat.models.training.run import HELD_OUT, Measured, Run
from secretariat.models.training.settings import Settings

_ADVANTAGES = {"group": group_advantages, "leave_one_out": leave_one_out_advantages}


def main(job: Job, folder: Path) -> bool:
    """False where it was stopped on the way. Raises ModelError."""
    settings = Settings(job.own)
    plan, judge = Plan.of(settings), Judge(settings.numbers("rewards"))
    reward_model = settings.text("reward_model")
    settings.nothing_else()
    opened = open_model(job)
    part = learning(job, opened)
    learnt = Learnt([part])
    reading = _reading(opened, part, learnt, job)
    answering = Answering(job, opened, learnt, judge, reward_model)
    tasks, held_out = (
        _judged(read_tasks([Path(path) for path in paths], opened.chat), judge, job, plan) if paths else []
        for paths in (job.data, job.held_out)
    )
    if most := plan.held_out_prompts:
        held_out = held_out[:: max(1, len(held_out) // most)][:most]
    objective = PolicyGradient(learnt, reading, answering, job, plan, tasks, held_out, folder)
    return Run(job, folder, learnt, objective).go(
        {"examples": len(tasks), "held_out_examples": len(held_out)}
    )


@dataclass(frozen=True)
class Plan:
    prompts: int
    answers: int
    answer_tokens: int
    advantage: str
    updates: int
    clip_ratio: float
    kl: float
    held_out_prompts: int

    @classmethod
    def of(cls, settings: Settings) -> "Plan":
        return cls(
            settings.count("prompts", 4),
            settings.count("answers", 8, least=2),
            settings.count("answer_tokens", 64),
            settings.choice("advantage", *_ADVANTAGES),
            settings.count("updates", 1),
            settings.number("clip_ratio", 0.2, above=0),
            settings.number("kl", 0.04),
            settings.count("held_out_prompts", 0, least=0),
        )


def _reading(opened: Opened, part: LearntPart, learnt: Learnt, job: Job) -> Reading:
    """Where an adapter acts late, prompts are the base's: read once for all of their answers."""
    if job.learn.acts == "always" or not carries(opened.decoder.config):
        return WithPrompts(opened.decoder, placing(part, job.learn.acts, opened.chat), job)
    late(part, job.learn.acts)
    return BehindPrompts(opened.decoder, learnt, header_of(opened.chat), job)


def _judged(tasks: Sequence[Task], judge: Judge, job: Job, plan: Plan) -> list[Task]:
    """Those that fit and expect something that is judged: at least half, or it is refused."""
    room = job.row_tokens - plan.answer_tokens
    kept = [task for task in tasks if len(task.prompt) <= room and judge.asks(task.expected)]
    if not kept or 2 * len(kept) < len(tasks):
        raise invalid(
            "data",
            f"has {len(tasks) - len(kept)} of {len(tasks)} tasks that expect nothing which rewards judge, or whose"
            f" prompts are longer than row_tokens less answer_tokens, {room}",
        )
    return kept


@dataclass(frozen=True)
class Part:
    """A row of a round's answers; `advantages_A` and the documents' numbers are of the whole round."""

    rows: Row
    advantages_A: Tensor
    drawn_N: Tensor | None
    reference_N: Tensor | None
    answers: int
    tokens: int
    told: Mapping[str, float]


class PolicyGradient:
    """An Objective over rounds of answers. A part of a batch is one row of them."""

    def __init__(
        self, learnt: Learnt, reading: Reading, answering: Answering, job: Job, plan: Plan,
        tasks: Sequence[Task], held_out: Sequence[Task], folder: Path,
    ) -> None:  # fmt: skip
        self._reading = reading
        self._answering = answering
        self._job = job
        self._plan = plan
        self._tasks = tasks
        self._held_out = held_out
        self._order = TaskOrder(len(tasks), plan.prompts, job.seed)
        self._reference = Reference(learnt)
        self._rounds = Rounds(folder / "rounds", self._drawn)
        self._made: tuple[int, list[Part]] | None = None

    def batch(self, step: int) -> list[Part]:
        number = step // self._plan.updates
        if self._made is None or self._made[0] != number:
            self._made = number, self._parts(self._rounds.round(number))
        return self._made[1]

    def loss(self, part: Part) -> Measured:
        plan = self._plan
        tokens = AnswerTokens(part.rows.learnt_documents_M, part.drawn_N, part.reference_N)
        terms = policy_terms(
            self._reading.said(part.rows), tokens, part.advantages_A, clip=plan.clip_ratio, kl=plan.kl
        )
        told = {"distance": terms.distance / part.tokens, "clipped": terms.clipped / part.tokens, **part.told}
        # What answers lack has no gradient; it makes the loss one to follow and to compare with the held-out one.
        lacking = 1 - part.told["reward"] if part.told else 0.0
        return Measured(terms.loss / part.answers + lacking, part.rows.tokens, told)

    def held_out(self) -> Mapping[str, float] | None:
        if not self._held_out:
            return None
        greedy = SamplingParams(max_tokens=self._plan.answer_tokens)
        chosen = range(len(self._held_out))
        told = Round(self._answering.answers(self._held_out, chosen, 1, greedy), 1).told()
        return {HELD_OUT: 1 - told["reward"], **{f"held_out_{name}": value for name, value in told.items()}}

    def _drawn(self, number: int) -> Round:
        """A new round; only where weights move before all of it is used must it say how likely it was."""
        plan = self._plan
        sampling = SamplingParams(
            max_tokens=plan.answer_tokens, temperature=1.0, seed=self._job.seed * 1_000_003 + number
        )
        chosen = self._order.round(number)
        found = Round(self._answering.answers(self._tasks, chosen, plan.answers, sampling), plan.answers)
        if plan.updates == 1:
            return found
        with torch.no_grad():
            said = [self._reading.said(rows) for rows in self._rows(found)]
        return replace(found, drawn_N=tuple(torch.cat(said).tolist()))

    def _parts(self, made: Round) -> list[Part]:
        rows = self._rows(made)
        counts = [one.learnt for one in rows]
        drawn: Sequence[Tensor | None] = [None] * len(rows)
        if made.drawn_N:
            drawn = torch.split(torch.tensor(made.drawn_N), counts)
        reference: Sequence[Tensor | None] = [None] * len(rows)
        if self._plan.kl:
            with self._reference.here():
                reference = [self._reading.said(one) for one in rows]
        advantages_A = self._advantages(made)
        return [
            Part(one, advantages_A, before, base, len(made.answers), sum(counts), {} if at else made.told())
            for at, (one, before, base) in enumerate(zip(rows, drawn, reference, strict=True))
        ]

    def _advantages(self, made: Round) -> Tensor:
        return _ADVANTAGES[self._plan.advantage](made.worth_GS).flatten()

    def _rows(self, made: Round) -> Sequence[Row]:
        """Of the answers that teach something; of the first where none does."""
        examples = made.examples(self._tasks)
        kept = list(range(len(examples)))
        if not self._plan.kl:
            kept = self._advantages(made).nonzero().flatten().tolist() or kept[:1]
        return self._reading.rows(examples, kept)
