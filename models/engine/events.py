"""What the engine says about a request. Loads no torch: a listener can start without it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from secretariat.models.core import Citation, FinishReason, TokenLogprob, Usage
from secretariat.models.errors import ModelError


@dataclass(frozen=True, slots=True)
class Drawn:
    """A token that became output: its log-probability under the constrained (masked) distribution at
    temperature 1, and the likeliest tokens of that distribution. A token that the constraint forced has 0."""

    token: bytes
    logprob: float
    alternatives: tuple[tuple[bytes, float], ...] = ()

    def plain(self) -> TokenLogprob:
        return TokenLogprob(self.token.decode(errors="replace"), self.logprob)


@dataclass(frozen=True, slots=True)
class Emission:
    """What a step adds to an answer. The last one of a request has `finish_reason` and `usage`, and the `expert`
    that was chosen among several.

    `citations` are of the answer's whole text so far.
    """

    text: str
    drawn: tuple[Drawn, ...] = ()
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    citations: tuple[Citation, ...] = ()
    expert: str | None = None


def joined(emissions: Sequence[Emission]) -> Emission:
    """What several steps added, as if one had; only the last of them may end the answer."""
    if len(emissions) == 1:
        return emissions[0]
    last = emissions[-1]
    return Emission(
        "".join(emission.text for emission in emissions),
        tuple(entry for emission in emissions for entry in emission.drawn),
        last.finish_reason,
        last.usage,
        tuple(citation for emission in emissions for citation in emission.citations),
        last.expert,
    )


Sink = Callable[[Emission | ModelError], None]
