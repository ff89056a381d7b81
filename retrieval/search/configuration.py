"""What a search uses, by name: for comparing one way to search with another."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Configuration:
    """Rank by meaning (cosine), by words (BM25), or both; look at the best again word by word, or don't."""

    meaning: bool = True
    words: bool = True
    rerank: bool = True

    def __post_init__(self) -> None:
        if not (self.meaning or self.words):
            raise ValueError("a search ranks by meaning, by words or by both")


CONFIGURATIONS: Mapping[str, Configuration] = MappingProxyType(
    {
        "default": Configuration(),
        "no-rerank": Configuration(rerank=False),
        "meaning": Configuration(words=False, rerank=False),
        "words": Configuration(meaning=False, rerank=False),
    }
)
