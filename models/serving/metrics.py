"""What a monitoring system reads: the engines' gauges and counters in Prometheus' text format (0.0.4).

A label says the model. No tenant, no name that a caller chose, no content.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from secretariat.models.serving.shelf import Shelf

if TYPE_CHECKING:
    from secretariat.models.engine.metrics import EngineMetrics

_PREFIX = "secretariat_model"
_STATUS = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class _Figure:
    name: str
    kind: Literal["gauge", "counter"]
    help: str
    of: "Callable[[EngineMetrics], int]"


_FIGURES = (
    _Figure("requests_waiting", "gauge", "Requests in the queue.", lambda m: m.waiting),
    _Figure("requests_running", "gauge", "Requests in flight.", lambda m: m.running),
    _Figure("pages", "gauge", "Pages of 16 tokens there are for keys and values.", lambda m: m.pages),
    _Figure("pages_used", "gauge", "Pages that hold something.", lambda m: m.pages_used),
    _Figure("pages_cached", "gauge", "Pages of remembered prefixes.", lambda m: m.pages_cached),
    _Figure("slots", "gauge", "Live recurrent states there is room for.", lambda m: m.slots),
    _Figure("slots_used", "gauge", "Live recurrent states.", lambda m: m.slots_used),
    _Figure("snapshots", "gauge", "Recurrent states at rest.", lambda m: m.snapshots),
    _Figure("handles", "gauge", "Snapshots that callers hold.", lambda m: m.handles),
    _Figure("memory_budget_bytes", "gauge", "Bytes for pages and snapshots.", lambda m: m.budget_bytes),
    _Figure("memory_used_bytes", "gauge", "Bytes of pages and snapshots in use.", lambda m: m.used_bytes),
    _Figure("snapshot_bytes", "gauge", "Bytes of recurrent states at rest.", lambda m: m.snapshot_bytes),
    _Figure("steps_total", "counter", "Forward passes.", lambda m: m.steps),
    _Figure("tokens_computed_total", "counter", "Tokens that ran through it.", lambda m: m.computed_tokens),
    _Figure("prompt_tokens_total", "counter", "Tokens of prompts.", lambda m: m.prompt_tokens),
    _Figure("cache_hit_tokens_total", "counter", "Tokens of prompts found cached.", lambda m: m.hit_tokens),
    _Figure("tokens_drawn_total", "counter", "Tokens of answers.", lambda m: m.drawn_tokens),
    _Figure("preemptions_total", "counter", "Requests put back for others.", lambda m: m.preemptions),
    _Figure("refusals_total", "counter", "Requests refused at the door.", lambda m: m.refusals),
    _Figure("drafts_proposed_total", "counter", "Guessed tokens tried.", lambda m: m.drafts_proposed),
    _Figure(
        "drafts_accepted_total", "counter", "Guessed tokens that were right.", lambda m: m.drafts_accepted
    ),
    _Figure("requests_ended_total", "counter", "Requests that ended, however.", lambda m: m.ended),
)


def exposition(shelf: Shelf) -> str:
    """All of it as of now."""
    return "\n".join([*_engines(shelf), *_models(shelf), *_process(), ""])


def _engines(shelf: Shelf) -> Iterator[str]:
    measured = [(model.identity.name, model.engine.metrics) for model in shelf.chats()]
    for figure in _FIGURES:
        yield from _head(figure.name, figure.kind, figure.help)
        for name, metrics in measured:
            yield f"{_PREFIX}_{figure.name}{_label(name)} {figure.of(metrics)}"


def _models(shelf: Shelf) -> Iterator[str]:
    yield from _head("loaded", "gauge", "Whether the model is in memory.")
    for card in shelf.cards():
        yield f"{_PREFIX}_loaded{_label(card.name)} {int(card.loaded)}"
    yield from _head("loaded_bytes", "gauge", "Bytes that a loaded model may take.")
    for model in shelf.loaded():
        yield f"{_PREFIX}_loaded_bytes{_label(model.identity.name)} {model.bytes}"


def _process() -> Iterator[str]:
    if not _STATUS.exists():  # Linux alone has it
        return
    resident = int(_STATUS.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    yield "# HELP process_resident_memory_bytes Resident memory size in bytes."
    yield "# TYPE process_resident_memory_bytes gauge"
    yield f"process_resident_memory_bytes {resident}"


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {_PREFIX}_{name} {text}"
    yield f"# TYPE {_PREFIX}_{name} {kind}"


def _label(model: str) -> str:
    escaped = model.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'{{model="{escaped}"}}'
