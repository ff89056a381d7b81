"""What the engine tells of itself: gauges of now, counters since the start."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineMetrics:
    """Gauges: requests `waiting` and `running`; `pages` of 16 tokens there are, in use by anyone, and in the
    prefix tree; live `slots`; `snapshots` at rest; `handles` that callers hold; bytes taken of the `budget`.

    Counters: `steps`, tokens `computed`, tokens of prompts `asked` and how many of them were `hit` in the
    cache, `drawn` tokens, `preemptions`, `refusals` at the door, `drafts_proposed` and `drafts_accepted`,
    requests `ended`.
    """

    waiting: int
    running: int
    pages: int
    pages_used: int
    pages_cached: int
    slots: int
    slots_used: int
    snapshots: int
    snapshot_bytes: int
    handles: int
    budget_bytes: int
    used_bytes: int
    steps: int
    computed_tokens: int
    prompt_tokens: int
    hit_tokens: int
    drawn_tokens: int
    preemptions: int
    refusals: int
    drafts_proposed: int
    drafts_accepted: int
    ended: int


@dataclass(slots=True)
class Counters:
    """Since the start; only the engine's thread adds to them."""

    steps: int = 0
    computed_tokens: int = 0
    prompt_tokens: int = 0
    hit_tokens: int = 0
    drawn_tokens: int = 0
    preemptions: int = 0
    refusals: int = 0
    drafts_proposed: int = 0
    drafts_accepted: int = 0
    ended: int = 0
