"""The step loop: one thread owns the model, the pages and every generation.

Other threads submit and cancel; answers leave through each generation's sink. Knows no asyncio and no HTTP.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence

from torch import Tensor

from secretariat.models.engine.drawing import Drawer, finished
from secretariat.models.engine.events import Emission
from secretariat.models.engine.pages import PagePool, pages_for
from secretariat.models.engine.prefix import PrefixCache
from secretariat.models.engine.request import Generation
from secretariat.models.engine.runner import Runner
from secretariat.models.engine.scheduler import Limits, Piece, Scheduler
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.errors import ModelError
from secretariat.models.nets.decoder import Decoder

_log = logging.getLogger(__name__)
_STOPPING = ModelError("unreachable", "the model server is stopping", retryable=True)


class Engine:
    """Runs generations over one decoder, batched continuously. `pages` bounds its key-value memory."""

    def __init__(
        self, decoder: Decoder, vocabulary: Vocabulary, *, pages: int, limits: Limits | None = None
    ) -> None:
        self._limits = limits or Limits()
        self._runner = Runner(decoder, pages)
        self._pool = PagePool(pages)
        self._prefix = PrefixCache(self._pool)
        self._scheduler = Scheduler(self._pool, self._prefix, self._limits)
        self._drawer = Drawer(vocabulary, decoder.config.vocab)
        self._arrived: deque[Generation] = deque()
        self._cancelled: deque[Generation] = deque()
        self._changed = threading.Condition()
        self._refusal: ModelError | None = None
        self._thread = threading.Thread(target=self._loop, name="engine", daemon=True)

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
        """Any thread. Raises ModelError: overloaded (too many wait), invalid_request (can never fit)."""
        if pages_for(generation.capacity) > self._pool.count:
            raise ModelError(
                "invalid_request",
                f"{generation.capacity} tokens don't fit into the server's key-value memory",
            )
        with self._changed:
            if self._refusal is not None:
                raise self._refusal
            if self._scheduler.waiting + len(self._arrived) >= self._limits.waiting:
                raise ModelError("overloaded", "too many requests wait for the model", retryable=True)
            self._arrived.append(generation)
            self._changed.notify()

    def cancel(self, generation: Generation) -> None:
        """Any thread; no effect on a finished one. Its pages are free before the next step."""
        with self._changed:
            self._cancelled.append(generation)
            self._changed.notify()

    def check_integrity(self) -> None:
        """Raises AssertionError on a leaked page. Only exact while nothing runs."""
        self._scheduler.check_integrity()

    @property
    def refusal(self) -> ModelError | None:
        """Why it takes no more requests, if it doesn't."""
        return self._refusal

    @property
    def idle(self) -> bool:
        return not (self._arrived or self._cancelled or self._scheduler.everything())

    @property
    def pages_in_use(self) -> int:
        """Pages that live requests hold: neither free nor merely remembered."""
        return self._pool.count - self._pool.free - len(self._prefix)

    def _loop(self) -> None:
        try:
            while self._work_arrives():
                self.step()
            for generation in [*self._arrived, *self._scheduler.everything()]:
                self._end(generation, _STOPPING)
        except Exception:  # noqa: BLE001 - a bug of ours: say so to everyone and never answer wrongly
            _log.exception("the engine broke")
            self._refusal = ModelError("engine_failed", "the engine broke: the model server must restart")
            for generation in [*self._arrived, *self._scheduler.everything()]:
                generation.sink(self._refusal)

    def _work_arrives(self) -> bool:
        """Waits for it; False once the engine is to stop."""
        with self._changed:
            while self.idle and self._refusal is None:
                self._changed.wait()
            return self._refusal is None

    def _take_in(self) -> None:
        with self._changed:
            arrived, cancelled = list(self._arrived), list(self._cancelled)
            self._arrived.clear()
            self._cancelled.clear()
            for generation in arrived:
                self._scheduler.submit(generation)
        for generation in cancelled:
            if not generation.over:
                self._end(generation, finished(generation, "cancelled"))
        now = time.monotonic()
        for generation in self._scheduler.everything():
            if generation.deadline is not None and generation.deadline <= now:
                self._end(generation, ModelError("deadline_exceeded", "the deadline passed", retryable=True))

    def step(self) -> None:
        """One turn of the loop; only for a caller that drives the engine instead of `start`."""
        self._take_in()
        plan = self._scheduler.plan()
        if plan:
            self._run(plan)

    def _run(self, plan: Sequence[Piece]) -> None:
        try:
            logits_MV = self._runner.run(plan)
        except Exception:  # noqa: BLE001 - whatever broke, these requests fail and the server goes on
            _log.exception("a forward pass failed: %d requests", len(plan))
            for piece in plan:
                self._end(piece.generation, ModelError("engine_failed", "the forward pass failed"))
            return
        self._scheduler.computed(plan)
        ready = [piece.generation for piece in plan if piece.wants_logits]
        for generation, logits_V in zip(ready, logits_MV, strict=True):
            self._deliver(generation, self._draw(generation, logits_V))

    def _draw(self, generation: Generation, logits_V: Tensor) -> Emission | ModelError:
        try:
            return self._drawer.advance(generation, logits_V)
        except ModelError as error:
            return error
        except Exception:  # noqa: BLE001 - one request's constraint must not end the others
            _log.exception("drawing a token failed")
            return ModelError("engine_failed", "drawing a token failed")

    def _deliver(self, generation: Generation, event: Emission | ModelError) -> None:
        if isinstance(event, ModelError) or event.finish_reason is not None:
            self._end(generation, event)
        elif event.text:
            generation.sink(event)

    def _end(self, generation: Generation, last: Emission | ModelError) -> None:
        if generation.over:
            return
        generation.over = True
        self._scheduler.remove(generation)
        generation.sink(last)
