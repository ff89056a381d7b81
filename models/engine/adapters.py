"""The adapters that one chat model has loaded, by name: which row of the network holds which.

Knows files only by their readers, and requests only by the rows they carry.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from secretariat.models.adapters.files import VECTOR
from secretariat.models.adapters.lora import read_lora
from secretariat.models.adapters.svf import read_vector
from secretariat.models.engine.request import AdapterUse
from secretariat.models.errors import ModelError
from secretariat.models.nets.adapters import Adapter, AdapterRows, basis_of
from secretariat.models.nets.config import DecoderConfig

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pause:
    """`between_steps` runs something while no step does; `rows_in_use` are those that live requests carry then."""

    between_steps: Callable[[Callable[[], None]], None]
    rows_in_use: Callable[[], set[int]]


class Adapters:
    """An AdapterRegistry. Any thread may call.

    A name that is unloaded takes no new requests at once; its row is used again when no request carries it.
    """

    def __init__(self, rows: AdapterRows, config: DecoderConfig, pause: Pause) -> None:
        self._rows = rows
        self._config = config
        self._pause = pause
        self._named: dict[str, AdapterUse] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        with self._lock:
            return sorted(self._named)

    def use(self, name: str) -> AdapterUse:
        """Raises ModelError adapter_not_found."""
        with self._lock:
            found = self._named.get(name)
        if found is None:
            raise ModelError("adapter_not_found", f"no adapter {name!r} is loaded", param="adapter")
        return found

    def load(self, name: str, source: Path, *, partial: bool = False) -> None:
        """From a folder with a PEFT adapter or a `vector.safetensors`. Takes a while.

        Raises ModelError: adapter_invalid, overloaded when every row is taken.
        """
        adapter = self._read(source, partial=partial)

        def place() -> None:
            with self._lock:
                row = self._free_row(name)
                self._rows.set(row, adapter)
                self._named[name] = AdapterUse(row, adapter.digest, adapter.acts)

        self._pause.between_steps(place)

    def unload(self, name: str) -> None:
        """Raises ModelError adapter_not_found."""
        self.use(name)
        with self._lock:
            self._named.pop(name, None)

    def _read(self, source: Path, *, partial: bool) -> Adapter:
        if (source / VECTOR).is_file():
            return read_vector(source / VECTOR, basis_of(self._rows.plan))
        return read_lora(source, self._config, partial=partial)

    def _free_row(self, name: str) -> int:
        taken = {use.row for use in self._named.values()} | self._pause.rows_in_use()
        free = set(range(1, self._rows.plan.rows + 1)) - taken
        if not free:
            raise ModelError(
                "overloaded",
                f"all {self._rows.plan.rows} places for adapters are taken: unload one before {name!r}",
                retryable=True,
                param="adapter",
            )
        return min(free)
