"""The loop of every recipe: steps, held-out loss, states that a killed run goes on from, and the end.

Owns when things happen. What is learnt, from what and by which loss is the recipe's.
"""

import hashlib
import json
import math
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor

from secretariat.models.errors import ModelError
from secretariat.models.training.job import RESULT, SUMMARY, EndedBy, Job
from secretariat.models.training.learnt import Learnt
from secretariat.models.training.optimizer import AdamW, rate_at
from secretariat.models.training.progress import Progress
from secretariat.models.training.state import State, read_state, write_state, write_whole

T = TypeVar("T")
STATE = "state"
HELD_OUT = "held_out"


@dataclass(frozen=True)
class Measured:
    """`loss`: this part's share of the step's loss, a scalar. `told`: more numbers for the journal, summed over a
    step's parts."""

    loss: Tensor
    tokens: int
    told: Mapping[str, float] = field(default_factory=dict)


class Objective(Protocol[T]):
    """What a recipe brings. All of it is a function of the step and of the weights: so a run can be resumed."""

    def batch(self, step: int) -> Sequence[T]:
        """The parts of the step's batch, from step 0; their losses are taken one after the other."""
        ...

    def loss(self, part: T) -> Measured: ...

    def held_out(self) -> Mapping[str, float] | None:
        """Without gradients. `held_out` among its numbers is what should fall; None: nothing is held out."""
        ...


@dataclass
class Standing:
    """How far a run is. `recent`: sum and number of the losses since the last evaluation; `best_loss`: their mean
    where the held-out loss was lowest."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    loss: float = math.nan
    first_held_out: float | None = None
    best_held_out: float | None = None
    best_step: int = 0
    best_loss: float = math.nan
    waited: int = 0
    recent: tuple[float, int] = (0.0, 0)
    ended_by: EndedBy | None = None

    @property
    def recent_loss(self) -> float:
        return self.recent[0] / self.recent[1] if self.recent[1] else self.loss


class Run(Generic[T]):
    """Raises ModelError("training_invalid") where the loss is no number, and for a state of another run."""

    def __init__(self, job: Job, folder: Path, learnt: Learnt, objective: Objective[T]) -> None:
        self.job = job
        self.folder = folder
        self.learnt = learnt
        self.objective = objective
        self.optimizer = AdamW(learnt.masters, job.weight_decay)
        self.standing = Standing()
        self._best: Tensor | None = None
        self._stop = False

    def generator(self, step: int) -> torch.Generator:
        """Draws for one step: the same whenever that step is made."""
        return torch.Generator().manual_seed(self.job.seed * 1_000_003 + step)

    def go(self, facts: Mapping[str, Any] | None = None) -> bool:
        """To the end, or until SIGTERM: then False, with a state to go on from. `facts` go into the summary."""
        self._resume()
        standing = self.standing
        progress = Progress(self.folder, step=standing.step, steps=self.job.steps)
        before = standing.seconds
        with self._stoppable():
            while standing.ended_by is None and not self._stop:
                if not self._step(progress):
                    break
                standing.seconds = before + progress.seconds
                standing.ended_by = self._ended()
                if standing.ended_by is not None or standing.step % self.job.state_every == 0:
                    self._write_state()
        if standing.ended_by is None:
            self._write_state()
            progress.end("stopped", "signal")
            return False
        self._finish(facts or {})
        progress.end("ended", standing.ended_by)
        return True

    def _step(self, progress: Progress) -> bool:
        """False where it was told to stop on the way: nothing has changed then."""
        job, standing = self.job, self.standing
        if standing.step == 0 and standing.first_held_out is None:
            self._evaluate({})
        loss, tokens, told = 0.0, 0, dict[str, float]()
        for part in self.objective.batch(standing.step):
            if self._stop:
                self.learnt.masters.gradients.zero_()
                return False
            measured = self.objective.loss(part)
            measured.loss.backward()  # type: ignore[no-untyped-call]
            loss += float(measured.loss.detach())
            tokens += measured.tokens
            for name, value in measured.told.items():
                told[name] = told.get(name, 0.0) + value
        rate = rate_at(standing.step, job.steps, job.learning_rate, warmup=job.warmup, floor=job.floor)
        if not math.isfinite(loss):
            raise ModelError(
                "training_invalid", f"the loss is no number at step {standing.step + 1}: lower learning_rate"
            )
        norm = self.optimizer.step(rate, job.clip)
        self.learnt.synchronise()
        standing.step += 1
        standing.tokens += tokens
        standing.loss = loss
        standing.recent = (standing.recent[0] + loss, standing.recent[1] + 1)
        line: dict[str, Any] = {"loss": loss, "learning_rate": rate, "gradient_norm": norm, **told}
        if standing.step % job.evaluate_every == 0 or standing.step == job.steps:
            self._evaluate(line)
        progress.tell(standing.step, tokens, line, all_tokens=standing.tokens)
        return True

    def _evaluate(self, line: dict[str, Any]) -> None:
        """Adds to `line`; keeps the masters if they are the best so far."""
        standing = self.standing
        with torch.no_grad():
            found = self.objective.held_out() or {}
        line |= found
        if (held_out := found.get(HELD_OUT)) is None:
            return
        recent, standing.recent = standing.recent_loss, (0.0, 0)
        if standing.step == 0:
            standing.first_held_out = held_out
        else:
            line["gap"] = held_out - recent
        if standing.best_held_out is None or held_out < standing.best_held_out:
            standing.best_held_out, standing.best_step, standing.waited = held_out, standing.step, 0
            standing.best_loss = recent
            self._best = self.learnt.masters.values.clone()
        else:
            standing.waited += 1

    def _ended(self) -> EndedBy | None:
        job, standing = self.job, self.standing
        if standing.step >= job.steps:
            return "steps"
        if job.patience and standing.waited >= job.patience:
            return "held_out"
        spent = (job.max_tokens and standing.tokens >= job.max_tokens) or (
            job.max_seconds and standing.seconds >= job.max_seconds
        )
        return "budget" if spent else None

    def _finish(self, facts: Mapping[str, Any]) -> None:
        """The best masters by the held-out loss, or the last ones, into the result."""
        standing, masters = self.standing, self.learnt.masters
        result = self.folder / RESULT
        result.mkdir(exist_ok=True)
        if self._best is not None:
            masters.values.copy_(self._best)
            self.learnt.synchronise()
        self.learnt.save(result)
        held_out = standing.best_held_out
        summary = {
            "recipe": self.job.recipe,
            "seed": self.job.seed,
            "steps": standing.step,
            "best_step": standing.best_step if self._best is not None else standing.step,
            "ended_by": standing.ended_by,
            "loss": standing.loss,
            "held_out": held_out,
            "first_held_out": standing.first_held_out,
            "gap": None if held_out is None else held_out - standing.best_loss,
            "tokens": standing.tokens,
            "seconds": round(standing.seconds, 1),
            "parameters": masters.count,
            **facts,
        }
        write_whole(result / SUMMARY, json.dumps(summary, indent=2) + "\n")

    def _resume(self) -> None:
        state = read_state(self.folder / STATE)
        if state is None:
            return
        facts = dict(state.facts["standing"])
        facts["recent"] = tuple(facts["recent"])
        self.standing = Standing(**facts)
        masters, optimizer = self.learnt.masters, self.optimizer
        if state.tensors["values"].shape != masters.values.shape or state.facts["job"] != self._identity():
            raise ModelError("training_invalid", "the state in this folder is of another job")
        for name, tensor in self._tensors().items():
            if name in state.tensors:
                tensor.copy_(state.tensors[name])
        optimizer.steps = self.standing.step
        self._best = state.tensors["best"].clone() if "best" in state.tensors else None
        self.learnt.synchronise()

    def _write_state(self) -> None:
        tensors = self._tensors()
        if self._best is not None:
            tensors["best"] = self._best
        facts = {"standing": asdict(self.standing), "job": self._identity()}
        write_state(self.folder / STATE, State(facts, tensors), self.standing.step)

    def _tensors(self) -> dict[str, Tensor]:
        optimizer = self.optimizer
        return {"values": self.learnt.masters.values, "means": optimizer.means, "squares": optimizer.squares}

    def _identity(self) -> str:
        """What must be the same for a state to fit; how long it may go on may change."""
        values = asdict(self.job)
        for name in ("max_tokens", "max_seconds", "patience", "state_every", "models_dir"):
            values.pop(name)
        return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()

    @contextmanager
    def _stoppable(self) -> Iterator[None]:
        """SIGTERM ends the run between two parts of a batch."""

        def stop(_: int, __: FrameType | None) -> None:
            self._stop = True

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
