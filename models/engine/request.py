"""One request inside the engine: what was asked, how far it is, what it holds.

Knows neither the model nor the other requests.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from secretariat.models.core import SamplingParams, Usage
from secretariat.models.engine.events import Drawn, Sink
from secretariat.models.engine.grammar import Matcher
from secretariat.models.engine.output import Output
from secretariat.models.engine.pages import PAGE_SIZE


@dataclass(eq=False)
class Generation:
    """Mutable, owned by the engine's thread from submission on.

    `tokens` is the prompt and what was drawn; keys and values of the first `computed` are in the pool, in
    `pages`. `deadline` is on time.monotonic()'s clock. `sink` is called in the engine's thread.
    """

    tenant: str
    prompt: tuple[int, ...]
    sampling: SamplingParams
    sink: Sink
    matcher: Matcher | None = None
    deadline: float | None = None
    tokens: list[int] = field(init=False)
    computed: int = field(default=0, init=False)
    cached: int = field(default=0, init=False)
    pages: list[int] = field(default_factory=list, init=False)
    slots: Tensor = field(init=False)
    output: Output = field(init=False)
    unsent: list[Drawn] = field(default_factory=list, init=False)
    over: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        assert self.prompt, "a prompt has at least one token"
        self.tokens = list(self.prompt)
        self.output = Output(self.sampling.stop)
        self.slots = torch.empty(0, dtype=torch.int64)

    @property
    def capacity(self) -> int:
        """The most tokens this request can come to hold."""
        return len(self.prompt) + self.sampling.max_tokens

    @property
    def drawn(self) -> int:
        return len(self.tokens) - len(self.prompt)

    @property
    def decoding(self) -> bool:
        return self.computed >= len(self.prompt)

    @property
    def remaining(self) -> int:
        return len(self.tokens) - self.computed

    @property
    def usage(self) -> Usage:
        return Usage(len(self.prompt), self.drawn, self.cached)

    def seat(self, pages: list[int], cached: int) -> None:
        """Give it the pages it runs in; the first `cached` tokens are in them already."""
        self.pages, self.cached, self.computed = pages, cached, cached
        starts = torch.tensor(pages, dtype=torch.int64) * PAGE_SIZE
        self.slots = (starts[:, None] + torch.arange(PAGE_SIZE)).flatten()
