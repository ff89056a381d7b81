"""The engine's thread and the mailbox in front of it: arrivals, cancellations, and questions between two steps.

Knows no pages, no tokens and no network.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from secretariat.models.engine.drawing import finished
from secretariat.models.engine.request import Generation
from secretariat.models.engine.scheduler import Scheduler
from secretariat.models.engine.stepping import Stepper
from secretariat.models.errors import ModelError

_log = logging.getLogger(__name__)
_STOPPING = ModelError("unreachable", "the model server is stopping", retryable=True)
T = TypeVar("T")


class Loop:
    """Only its thread, or whoever calls `step` instead, touches the scheduler and what is behind it. `unfit` says
    why a request that arrives shouldn't even wait."""

    def __init__(
        self,
        stepper: Stepper,
        scheduler: Scheduler,
        unfit: Callable[[Generation], ModelError | None],
        clock: Callable[[], float],
    ) -> None:
        self._stepper = stepper
        self._scheduler = scheduler
        self._unfit = unfit
        self._clock = clock
        self._arrived: deque[Generation] = deque()
        self._cancelled: deque[Generation] = deque()
        self._asked: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._refusal: ModelError | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    @property
    def arriving(self) -> int:
        return len(self._arrived)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop after the current step; whatever still runs is told so. Idempotent, any thread."""
        with self._changed:
            self._refusal = self._refusal or _STOPPING
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def submit(self, generation: Generation) -> None:
        """Any thread. Raises ModelError when it takes no more."""
        with self._changed:
            if self._refusal is not None:
                raise self._refusal
            self._arrived.append(generation)
            self._changed.notify()

    def cancel(self, generation: Generation) -> None:
        """Any thread; no effect on a finished one. What it holds is free before the next step."""
        with self._changed:
            self._cancelled.append(generation)
            self._changed.notify()

    def between_steps(self, work: Callable[[], T]) -> T:
        """What `work` returns, run in the engine's thread; any thread, waits for the step that runs."""
        if not self._thread.is_alive() or threading.current_thread() is self._thread:
            return work()
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(work())
            except Exception as error:  # noqa: BLE001 - theirs who asked
                answer.set_exception(error)

        with self._changed:
            if self._refusal is not None:
                raise self._refusal
            self._asked.append(run)
            self._changed.notify()
        return answer.result()

    @property
    def refusal(self) -> ModelError | None:
        """Why it takes no more requests, if it doesn't."""
        return self._refusal

    @property
    def idle(self) -> bool:
        return not (self._arrived or self._cancelled or self._asked or self._scheduler.busy)

    def step(self) -> None:
        """One turn of the loop; only for a caller that drives the engine instead of `start`."""
        self._take_in()
        self._stepper.step()

    def _run(self) -> None:
        try:
            while self._work_arrives():
                self.step()
            for generation in [*self._arrived, *self._scheduler.everything()]:
                self._stepper.end(generation, _STOPPING)
        except Exception:  # noqa: BLE001 - a bug of ours: say so to everyone and never answer wrongly
            _log.exception("the engine broke")
            with self._changed:
                self._refusal = ModelError("engine_failed", "the engine broke: the model server must restart")
            for generation in [*self._arrived, *self._scheduler.everything()]:
                generation.sink(self._refusal)
        for run in self._asked:  # between the steps that won't come any more
            run()

    def _work_arrives(self) -> bool:
        """Waits for it; False once the engine is to stop."""
        with self._changed:
            while self.idle and self._refusal is None:
                self._changed.wait()
            return self._refusal is None

    def _take_in(self) -> None:
        with self._changed:
            arrived, cancelled, asked = list(self._arrived), list(self._cancelled), list(self._asked)
            self._cancelled.clear()
            self._asked.clear()
            for generation in arrived:
                self._admit(generation)
            self._arrived.clear()
        for generation in cancelled:
            if not generation.over:
                self._stepper.end(generation, finished(generation, "cancelled"))
        now = self._clock()
        for generation in self._scheduler.everything():
            if generation.deadline is not None and generation.deadline <= now:
                error = ModelError("deadline_exceeded", "the deadline passed", retryable=True)
                self._stepper.end(generation, error)
        for run in asked:
            run()

    def _admit(self, generation: Generation) -> None:
        error = self._unfit(generation)
        if error is None:
            self._scheduler.submit(generation)
            return
        generation.over = True
        generation.sink(error)
