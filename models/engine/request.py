"""One request inside the engine: what was asked, how far it is, what it holds.

Knows neither the model nor the other requests.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from secretariat.models.core import SamplingParams, Usage
from secretariat.models.engine.events import Drawn, Sink
from secretariat.models.engine.grammar import Matcher
from secretariat.models.engine.handles import Handle
from secretariat.models.engine.output import Output
from secretariat.models.engine.pages import PageTable
from secretariat.models.engine.tree import Mark, Owner
from secretariat.models.nets.adapters import Acts


@dataclass(frozen=True, slots=True)
class AdapterUse:
    """`row` of the network's adapter table; `digest` of its weights, by which prefixes are kept apart."""

    row: int
    digest: str
    acts: Acts = "always"

    @property
    def late(self) -> bool:
        """The beginning of a prompt is the base model's."""
        return self.acts != "always"


@dataclass(eq=False)
class Generation:
    """Mutable, owned by the engine's thread from submission on.

    `boundaries`: lengths of prompt beginnings that others will share or come back to (the system prompt, the
    tools, each document, each turn): a network with states keeps its state there. `late_from`: where an adapter
    that acts late begins to. `origin`: a held handle that the prompt begins with. `capture`: compute the prompt,
    hand over its handle and draw nothing. `deadline` is on time.monotonic()'s clock. `sink` is called in the
    engine's thread.

    `tokens` is the prompt and what was drawn. Keys and values of the first `computed` are in `pages`, the
    state after them is in `slot` (0: the network has none). It decodes once it has `computed` its `goal`.
    `drafts` are guesses of what follows `tokens`, for one step. `due`: positions at which a snapshot is to be
    taken, ascending. `latest`: the last state on its path that is kept. `shared`: how far earlier prompts are
    known to begin alike.
    """

    tenant: str
    prompt: tuple[int, ...]
    sampling: SamplingParams
    sink: Sink
    matcher: Matcher | None = None
    deadline: float | None = None
    boundaries: tuple[int, ...] = ()
    adapter: AdapterUse | None = None
    late_from: int = 0
    origin: str | None = None
    capture: Callable[[Handle], None] | None = None
    tokens: list[int] = field(init=False)
    computed: int = field(default=0, init=False)
    goal: int = field(default=0, init=False)
    cached: int = field(default=0, init=False)
    order: int = field(default=-1, init=False)
    admitted: bool = field(default=False, init=False)
    pages: PageTable = field(default_factory=PageTable, init=False)
    slot: int = field(default=0, init=False)
    due: list[int] = field(default_factory=list, init=False)
    latest: Mark | None = field(default=None, init=False)
    shared: int = field(default=0, init=False)
    interim: list[Mark] = field(default_factory=list, init=False)
    drafts: list[int] = field(default_factory=list, init=False)
    output: Output = field(init=False)
    unsent: list[Drawn] = field(default_factory=list, init=False)
    over: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        assert self.prompt, "a prompt has at least one token"
        self.tokens = list(self.prompt)
        self.output = Output(self.sampling.stop)

    @property
    def is_late(self) -> bool:
        return self.adapter is not None and self.adapter.late

    @property
    def owner(self) -> Owner:
        return Owner(self.tenant, "" if self.adapter is None or self.adapter.late else self.adapter.digest)

    @property
    def owned(self) -> int:
        """Its first tokens whose numbers are the owner's: others with the same owner may have them."""
        return min(len(self.tokens), self.late_from) if self.is_late else len(self.tokens)

    def row_at(self, position: int) -> int:
        """Of the adapter table, for a token at this position."""
        if self.adapter is None or (self.adapter.late and position < self.late_from):
            return 0
        return self.adapter.row

    @property
    def capacity(self) -> int:
        """The most tokens this request can come to hold."""
        return len(self.prompt) + (0 if self.capture is not None else self.sampling.max_tokens)

    @property
    def drawn(self) -> int:
        return len(self.tokens) - len(self.prompt)

    @property
    def decoding(self) -> bool:
        return self.computed >= self.goal and self.capture is None

    @property
    def remaining(self) -> int:
        """Tokens to compute before the next draw."""
        return len(self.tokens) - self.computed

    @property
    def usage(self) -> Usage:
        return Usage(len(self.prompt), self.drawn, self.cached)
