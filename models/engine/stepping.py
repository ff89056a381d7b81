"""One turn of the engine: plan, forward pass, draws, commits, and what each request is told.

Knows no threads: whoever drives it calls from one.
"""

import logging
from collections.abc import Sequence

from torch import Tensor

from secretariat.models.engine.drawing import Drawer
from secretariat.models.engine.events import Emission
from secretariat.models.engine.metrics import Counters
from secretariat.models.engine.request import Generation
from secretariat.models.engine.runner import Runner
from secretariat.models.engine.scheduler import Piece, Scheduler
from secretariat.models.errors import ModelError

_log = logging.getLogger(__name__)


class Stepper:
    def __init__(self, runner: Runner, drawer: Drawer, scheduler: Scheduler, counters: Counters) -> None:
        self._runner = runner
        self._drawer = drawer
        self._scheduler = scheduler
        self._counters = counters

    def step(self) -> None:
        plan = self._scheduler.plan()
        for generation, error in self._scheduler.pop_refused():
            self.end(generation, error)
        if plan := [piece for piece in plan if not piece.generation.over]:
            self._run(plan)
        self._hand_over()

    def _run(self, plan: Sequence[Piece]) -> None:
        try:
            logits_MV = self._runner.run(plan)
        except Exception:  # noqa: BLE001 - whatever broke, these requests fail and the server goes on
            _log.exception("a forward pass failed: %d requests", len(plan))
            self._fail(plan)
            return
        events = self._draw_all(plan, logits_MV)
        outcome = [(piece, true_tokens(piece)) for piece in plan]
        try:
            self._runner.commit(outcome)
        except Exception:  # noqa: BLE001 - as above
            _log.exception("states could not be advanced: %d requests", len(plan))
            self._fail(plan)
            return
        self._count(outcome)
        self._scheduler.settle(outcome)
        for piece, event in zip(plan, events, strict=True):
            if event is not None:
                self._deliver(piece.generation, event)

    def _fail(self, plan: Sequence[Piece]) -> None:
        """Their states are in doubt: nothing of this step is kept, and the server goes on."""
        for piece in plan:
            self.end(piece.generation, ModelError("engine_failed", "the forward pass failed"), sound=False)

    def _draw_all(self, plan: Sequence[Piece], logits_MV: Tensor) -> list[Emission | ModelError | None]:
        foreseen_M = self._drawer.foresee([(piece.generation, piece.rows) for piece in plan], logits_MV)
        events, row = list[Emission | ModelError | None](), 0
        for piece in plan:
            rows = slice(row, row := row + piece.rows)
            events.append(self._draw(piece, logits_MV[rows], foreseen_M[rows]) if piece.rows else None)
        return events

    def _draw(self, piece: Piece, logits_KV: Tensor, foreseen_K: Sequence[int]) -> Emission | ModelError:
        before = piece.generation.drawn
        try:
            return self._drawer.advance(piece.generation, logits_KV, foreseen_K)
        except ModelError as error:
            return error
        except Exception:  # noqa: BLE001 - one request's constraint must not end the others
            _log.exception("drawing a token failed")
            return ModelError("engine_failed", "drawing a token failed")
        finally:
            self._counters.drawn_tokens += piece.generation.drawn - before

    def _count(self, outcome: Sequence[tuple[Piece, int]]) -> None:
        self._counters.steps += 1
        for piece, tokens in outcome:
            self._counters.computed_tokens += piece.count
            self._counters.drafts_proposed += len(piece.drafts)
            self._counters.drafts_accepted += max(tokens - piece.certain, 0)

    def _deliver(self, generation: Generation, event: Emission | ModelError) -> None:
        if isinstance(event, ModelError) or event.finish_reason is not None:
            self.end(generation, event)
        elif event.text:
            generation.sink(event)

    def _hand_over(self) -> None:
        """Prompts that were to be computed and no more."""
        for generation in self._scheduler.captured():
            assert generation.capture is not None
            try:
                handle = self._scheduler.hold(generation)
            except ModelError as error:
                self.end(generation, error)
                continue
            self.end(generation, None)
            generation.capture(handle)

    def end(self, generation: Generation, last: Emission | ModelError | None, *, sound: bool = True) -> None:
        """Its last word, after all that it held is free. `sound`: what it computed may be found by others."""
        if generation.over:
            return
        generation.over = True
        self._scheduler.remove(generation, sound=sound)
        self._counters.ended += 1
        if last is not None:
            generation.sink(last)


def true_tokens(piece: Piece) -> int:
    """How many of the piece's tokens, from its first on, are now the sequence's own."""
    known = piece.generation.tokens[piece.start : piece.start + piece.count]
    pairs = zip(known, piece.tokens, strict=False)
    return next((i for i, (is_, guessed) in enumerate(pairs) if is_ != guessed), min(len(known), piece.count))
