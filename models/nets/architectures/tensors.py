"""A checkpoint's tensors as an adapter takes them: by name, of the shape expected, and none left over."""

from collections.abc import Collection, Mapping

from secretariat.models.errors import ModelError
from secretariat.models.nets.weights import Source


class Tensors:
    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self._taken: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._sources

    def take(self, name: str, *shape: int) -> Source:
        """Raises ModelError where it is missing or has another shape."""
        source = self._sources.get(name)
        if source is None:
            raise _invalid(name, "is missing")
        if source.shape != shape:
            raise _invalid(name, f"has shape {source.shape}, not {shape}")
        self._taken.add(name)
        return source

    def close(self, harmless: Collection[str] = ()) -> None:
        """Raises ModelError naming a tensor that nobody took: the network would not be the one that was saved."""
        if stray := sorted(self._sources.keys() - self._taken - set(harmless)):
            raise _invalid(stray[0], "has no place in this architecture")


def _invalid(name: str, problem: str) -> ModelError:
    return ModelError("checkpoint_invalid", f"tensor {name} {problem}")
