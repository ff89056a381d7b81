"""Ours and the peer in turn, several times, on a machine that others use too.

Ratios are taken round by round and the median is quoted: what slows one turn slows its neighbour as well.
"""

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Rounds:
    """`rates[who]`: one rate a round, in work per second."""

    rates: Mapping[str, list[float]]

    def ratio(self, ours: str, peer: str) -> float:
        pairs = zip(self.rates[ours], self.rates[peer], strict=True)
        return median(a / b for a, b in pairs)

    def best_peer(self, *peers: str) -> str:
        return max(peers, key=lambda peer: median(self.rates[peer]))

    def rate(self, who: str) -> float:
        return median(self.rates[who])

    def summary(self) -> dict[str, list[float]]:
        return {who: [round(rate, 2) for rate in rates] for who, rates in self.rates.items()}


def alternate(rounds: int, contenders: Mapping[str, Callable[[], float]], *, warm: bool = True) -> Rounds:
    """Each contender measures itself once a round and returns its rate. A first round isn't counted."""
    rates: dict[str, list[float]] = {who: [] for who in contenders}
    for number in range(rounds + warm):
        for who, measure in contenders.items():
            gc.collect()
            rate = measure()
            if number >= warm:
                rates[who].append(rate)
    return Rounds(rates)
