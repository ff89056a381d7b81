"""The ways to answer that are measured side by side. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

ABSTAINED = "NOT IN THE SOURCES"


@dataclass(frozen=True, slots=True)
class Strategy:
    """`sees`: passages that search finds, the whole documents that they stand in, or nothing.

    `adapter`: whether the assistant's adapter answers.
    """

    sees: Literal["nothing", "passages", "documents"]
    adapter: bool = False


STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {
        "closed_book": Strategy("nothing"),
        "rag": Strategy("passages"),
        "adapter": Strategy("nothing", adapter=True),
        "both": Strategy("passages", adapter=True),
        "long_context": Strategy("documents"),
    }
)
