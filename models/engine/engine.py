"""The engine from outside: requests in, answers by their sinks, handles on states, metrics.

Any thread may call; one thread alone runs the network. Knows no asyncio and no HTTP.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import asdict
from math import ceil

from secretariat.models.core import SamplingParams
from secretariat.models.engine.drawing import Drawer
from secretariat.models.engine.events import Emission
from secretariat.models.engine.fairness import FairQueue
from secretariat.models.engine.handles import Handle
from secretariat.models.engine.loop import Loop
from secretariat.models.engine.metrics import Counters, EngineMetrics
from secretariat.models.engine.pages import pages_for
from secretariat.models.engine.past import Past
from secretariat.models.engine.request import AdapterUse, Generation
from secretariat.models.engine.runner import Runner
from secretariat.models.engine.scheduler import Drafter, Limits, Scheduler
from secretariat.models.engine.stepping import Stepper
from secretariat.models.engine.store import EngineMemory, Store
from secretariat.models.engine.transfer import adopt, export, read_parcel
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.errors import ModelError
from secretariat.models.nets.network import Network


class Engine:
    """Runs generations over one network, batched continuously; allocates the network's memory.

    `identity`: what weights these are, for handles that travel. `drafter` guesses what comes next, for
    speculation. `clock` is what deadlines are on. Raises ValueError when `memory` doesn't suit the network.
    """

    def __init__(
        self,
        network: Network,
        vocabulary: Vocabulary,
        *,
        memory: EngineMemory,
        limits: Limits | None = None,
        drafter: Drafter | None = None,
        identity: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        limits = (limits or Limits()).within(network.step_tokens)
        self._limits = limits
        self._clock = clock
        self._identity = f"{identity} {network.arithmetic} {network.config} {memory.kv_dtype}"
        self._counters = Counters()
        self._store = Store(network, memory, gap=limits.gap, held=limits.drafts + 1)
        self._queue = FairQueue(limits.weights, clock)
        self._scheduler = Scheduler(self._store, self._queue, limits, drafter, self._counters)
        drawer = Drawer(vocabulary, network.config.vocab)
        stepper = Stepper(Runner(network), drawer, self._scheduler, self._counters)
        self._loop = Loop(stepper, self._scheduler, self._unfit, clock)

    def start(self) -> None:
        self._loop.start()

    def close(self) -> None:
        """Stop after the current step; whatever still runs is told so. Idempotent, any thread."""
        self._loop.close()

    def step(self) -> None:
        """One turn; only for a caller that drives the engine instead of `start`."""
        self._loop.step()

    def submit(self, generation: Generation) -> None:
        """Any thread. Raises ModelError: overloaded (too many wait), invalid_request (can never fit).

        One that would probably wait past its deadline hears overloaded by its sink before it waits at all.
        """
        if pages_for(generation.capacity) > self._store.pages.count:
            raise ModelError(
                "invalid_request",
                f"{generation.capacity} tokens don't fit into the server's key-value memory",
            )
        if len(self._queue) + self._loop.arriving >= self._limits.waiting:
            self._counters.refusals += 1
            raise ModelError("overloaded", "too many requests wait for the model", retryable=True)
        self._loop.submit(generation)

    def cancel(self, generation: Generation) -> None:
        """Any thread; no effect on a finished one. What it holds is free before the next step."""
        self._loop.cancel(generation)

    @property
    def refusal(self) -> ModelError | None:
        """Why it takes no more requests, if it doesn't."""
        return self._loop.refusal

    @property
    def idle(self) -> bool:
        return self._loop.idle

    def snapshot(self, generation: Generation) -> Handle:
        """A handle on a running generation as it stands between two steps; any thread, waits for the step.

        Raises ModelError: invalid_request (it doesn't run), overloaded (no memory for it).
        """

        def take() -> Handle:
            if generation not in self._scheduler.running:
                raise ModelError("invalid_request", "only a running generation has a state to keep")
            return self._store.hold(generation)

        return self._loop.between_steps(take)

    def snapshot_prompt(
        self,
        tenant: str,
        prompt: Sequence[int],
        *,
        adapter: AdapterUse | None = None,
        boundaries: Sequence[int] = (),
        deadline: float | None = None,
    ) -> Future[Handle]:
        """A handle on a prompt, computed in its turn as any request. Raises as `submit`; the future
        ModelError.
        """
        made: Future[Handle] = Future()
        made.set_running_or_notify_cancel()  # cancelling it would change nothing here

        def sink(event: Emission | ModelError) -> None:
            if isinstance(event, ModelError):
                made.set_exception(event)

        self.submit(
            Generation(
                tenant,
                tuple(prompt),
                SamplingParams(),
                sink,
                deadline=deadline,
                boundaries=tuple(boundaries),
                adapter=adapter,
                capture=made.set_result,
            )
        )
        return made

    def handles(self, tenant: str) -> list[Handle]:
        """Those of this tenant, the oldest first. Any thread, as all that follow."""
        return self._loop.between_steps(lambda: self._store.handles.of(tenant))

    def delete_handle(self, handle_id: str, tenant: str) -> None:
        """Free what it keeps, at once. Raises ModelError snapshot_not_found."""
        self._loop.between_steps(lambda: self._store.handles.drop(self._held(handle_id, tenant)))

    def export_handle(self, handle_id: str, tenant: str, key: bytes) -> bytes:
        """The handle for another process over the same weights, authenticated by `key`.

        Takes as long as its bytes do, but holds up no step. Raises as `delete_handle`.
        """

        def pin() -> tuple[Handle, Past]:
            handle = self._held(handle_id, tenant)
            return handle, self._store.handles.pin(handle)

        handle, past = self._loop.between_steps(pin)
        try:
            return export(self._store.pools, handle, past, self._identity, key)
        finally:
            self._loop.between_steps(lambda: self._store.pools.unpin(past))

    def import_handle(self, data: bytes, tenant: str, key: bytes) -> Handle:
        """Raises ModelError: invalid_request (forged, broken, or of another model or tenant), overloaded."""
        parcel = read_parcel(data, tenant, self._identity, key)
        return self._loop.between_steps(lambda: adopt(self._store.handles, parcel))

    def between_steps(self, work: Callable[[], None]) -> None:
        """Run it while no step runs, and wait for it."""
        self._loop.between_steps(work)

    def adapter_rows(self) -> set[int]:
        """Rows of the network's adapter table that requests carry. Only between steps."""
        return {g.adapter.row for g in self._scheduler.everything() if g.adapter is not None}

    def forget(self, tenant: str) -> None:
        """Delete the tenant's handles and all that is remembered of its prompts and answers."""

        def drop() -> None:
            for handle in self._store.handles.of(tenant):
                self._store.handles.drop(handle)
            self._store.tree.forget(tenant)

        self._loop.between_steps(drop)

    def _held(self, handle_id: str, tenant: str) -> Handle:
        found = self._store.handles.find(handle_id, tenant)
        if found is None:
            raise ModelError("snapshot_not_found", f"no snapshot {handle_id!r}")
        return found[0]

    def check_integrity(self) -> None:
        """Raises AssertionError on a leaked page, slot or snapshot. Only while no thread of its own runs."""
        self._store.check_integrity()

    @property
    def pages_in_use(self) -> int:
        """Pages that live requests and handles hold: neither free nor merely remembered."""
        return self._store.in_use

    @property
    def metrics(self) -> EngineMetrics:
        """Any thread; each gauge is of some moment during the call."""
        store, scheduler = self._store, self._scheduler
        return EngineMetrics(
            waiting=len(self._queue) + self._loop.arriving,
            running=len(scheduler.running),
            pages=store.pages.count,
            pages_used=store.pages.used,
            pages_cached=len(store.tree),
            slots=store.slots.count,
            slots_used=store.slots.count - store.slots.free,
            snapshots=len(store.snapshots),
            snapshot_bytes=store.snapshots.bytes,
            handles=len(store.handles),
            budget_bytes=store.budget,
            used_bytes=store.used,
            **asdict(self._counters),
        )

    def _unfit(self, generation: Generation) -> ModelError | None:
        """Why it shouldn't even wait."""
        wait = self._queue.wait_of(generation.tenant)
        if wait and generation.deadline is not None and self._clock() + wait > generation.deadline:
            self._counters.refusals += 1
            message = f"a request would wait about {ceil(wait)} s for the model, past its deadline"
            return ModelError("overloaded", message, retryable=True, retry_after_s=wait)
        if generation.origin is None:
            return None
        found = self._store.handles.find(generation.origin, generation.tenant)
        if found is None:
            return ModelError("snapshot_not_found", f"no snapshot {generation.origin!r}")
        handle = found[0]
        if handle.owner != generation.owner or generation.prompt[: len(handle.tokens)] != handle.tokens:
            return ModelError(
                "invalid_request", "the prompt doesn't begin with the snapshot's", param="snapshot"
            )
        return None
