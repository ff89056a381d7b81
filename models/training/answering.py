"""Answers to tasks, drawn with what is learnt so far and judged.

Owns the engine and the judges that a run learns from. Knows no gradients.
"""

from collections.abc import Sequence
from pathlib import Path

from secretariat.models.adapters.svf import read_basis
from secretariat.models.core import SamplingParams
from secretariat.models.nets.adapters import AdapterPlan, Lora
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.nets.decoder import TorchNetwork
from secretariat.models.nets.load import load_chat_model
from secretariat.models.training.examples import Task, example
from secretariat.models.training.job import Job, invalid
from secretariat.models.training.learnt import Learnt
from secretariat.models.training.model import Opened, open_model
from secretariat.models.training.reward_model import LearntReward
from secretariat.models.training.rewards import LEARNT, Judge
from secretariat.models.training.rounds import Drawn
from secretariat.models.training.sampling import Answer, Sampler


class Answering:
    """Raises ModelError: for what learns and is no adapter, for a reward model that doesn't fit."""

    def __init__(
        self, job: Job, opened: Opened, learnt: Learnt, judge: Judge, reward_model: str | None
    ) -> None:
        if (reward_model is not None) != (LEARNT in judge.weights):
            raise invalid(
                "reward_model", f"goes with a weight of {LEARNT} in rewards, neither without the other"
            )
        self._learnt = learnt
        self._judge = judge
        self._eos = opened.chat.tokenizer.eos_id
        self._reward = None if reward_model is None else _learnt_reward(job, Path(reward_model))
        self._sampler = _sampler(job, opened, learnt)

    def answers(
        self, tasks: Sequence[Task], chosen: Sequence[int], each: int, sampling: SamplingParams
    ) -> tuple[Drawn, ...]:
        """`each` to every task of these indices, with the adapter as it is now. Raises ModelError."""
        self._sampler.learn(self._learnt.adapter("learning"))
        groups = self._sampler.answers([tasks[index] for index in chosen], each, sampling)
        said = [(index, answer) for index, group in zip(chosen, groups, strict=True) for answer in group]
        learnt = self._learnt_worth([(tasks[index], answer) for index, answer in said])
        return tuple(
            self._drawn(tasks[index], index, answer, worth)
            for (index, answer), worth in zip(said, learnt, strict=True)
        )

    def _drawn(self, task: Task, index: int, answer: Answer, learnt: float | None) -> Drawn:
        worth = self._judge.worth(answer.text, task.expected, learnt)
        assert worth is not None, "tasks that nothing judges are left out beforehand"
        return Drawn(index, self._tokens(answer), answer.ended, worth.total, worth.parts)

    def _tokens(self, answer: Answer) -> tuple[int, ...]:
        return (*answer.tokens, self._eos) if answer.ended else answer.tokens

    def _learnt_worth(self, said: Sequence[tuple[Task, Answer]]) -> Sequence[float | None]:
        if self._reward is None:
            return [None] * len(said)
        return self._reward.of(
            [example(task.prompt, self._tokens(answer), task.id, task.asked) for task, answer in said]
        )


def _sampler(job: Job, opened: Opened, learnt: Learnt) -> Sampler:
    adapter, basis = learnt.adapter("learning"), None
    if not isinstance(adapter, Lora):
        assert job.learn.basis is not None
        checkpoint = open_checkpoint(opened.directory)
        basis = read_basis(Path(job.learn.basis), checkpoint.config, checkpoint.paths)
    plan = AdapterPlan(rows=1, rank=adapter.rank if isinstance(adapter, Lora) else 0, basis=basis)
    loaded = load_chat_model(opened.directory, threads=job.threads, adapters=plan)
    return Sampler(loaded, min(job.row_tokens, loaded.context_length))


def _learnt_reward(job: Job, folder: Path) -> LearntReward:
    own = open_model(job)
    assert isinstance(own.chat.network, TorchNetwork)
    return LearntReward(folder, own.decoder, own.chat.identity.weights_sha256, job.row_tokens)
