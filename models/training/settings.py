"""A recipe's own settings from `job.json`, checked as they are taken.

Knows no recipe: names, limits and defaults are the caller's.
"""

from collections.abc import Mapping
from typing import Any

from secretariat.models.training.job import invalid


class Settings:
    """Every method raises ModelError("training_invalid") naming the setting."""

    def __init__(self, own: Mapping[str, Any]) -> None:
        self._own = own
        self._taken: set[str] = set()

    def number(self, name: str, default: float, *, least: float = 0.0, above: float | None = None) -> float:
        """`least` and more, or more than `above` where that is given."""
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise invalid(name, "is no number")
        if above is not None and not value > above:
            raise invalid(name, f"must be above {above:g}")
        if not value >= least:
            raise invalid(name, f"is below {least:g}")
        return float(value)

    def count(self, name: str, default: int, *, least: int = 1) -> int:
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid(name, "is no whole number")
        if value < least:
            raise invalid(name, f"is below {least}")
        return value

    def choice(self, name: str, *options: str) -> str:
        """The first is what it is where nothing is given."""
        value = self._value(name, options[0])
        if value not in options:
            raise invalid(name, f"is none of {', '.join(options)}")
        return str(value)

    def text(self, name: str) -> str | None:
        value = self._value(name, None)
        if value is not None and not isinstance(value, str):
            raise invalid(name, "is no text")
        return value

    def numbers(self, name: str) -> dict[str, float]:
        """By name; empty where nothing is given."""
        value = self._value(name, {})
        if not isinstance(value, dict) or any(
            isinstance(one, bool) or not isinstance(one, int | float) for one in value.values()
        ):
            raise invalid(name, "gives no number to each name")
        return {str(key): float(one) for key, one in value.items()}

    def nothing_else(self) -> None:
        if stray := self._own.keys() - self._taken:
            raise invalid(min(stray), "isn't known")

    def _value(self, name: str, default: Any) -> Any:
        self._taken.add(name)
        return self._own.get(name, default)
