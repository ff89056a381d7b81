"""From a directory of weights to models that answer, without keeping the listener waiting.

Loads in a thread of its own; until then, and if it fails, asking for the models raises. Knows no HTTP.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from secretariat.models.errors import ModelError

if TYPE_CHECKING:
    from secretariat.models.engine.local import LocalModels

_log = logging.getLogger(__name__)


class Bridge:
    """Owns the models of a server process. `load` runs in a thread and returns them or raises ModelError."""

    def __init__(self, load: "Callable[[], LocalModels]") -> None:
        self._load = load
        self._models: LocalModels | None = None
        self._failure = ModelError("unreachable", "the models are loading", retryable=True)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="loader", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def models(self) -> "LocalModels":
        """Raises ModelError: unreachable while loading, afterwards whatever went wrong."""
        if self._models is None:
            raise self._failure
        if self._models.chat_model.engine.refusal is not None:
            raise self._models.chat_model.engine.refusal
        return self._models

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        if self._models is not None:
            self._models.close()

    def _run(self) -> None:
        began = time.monotonic()
        try:
            self._models = self._load()
        except ModelError as error:
            self._failure = error
            _log.error("the models could not be loaded: %s: %s", error.code, error.message)
        except Exception:  # noqa: BLE001 - the listener goes on and says so
            self._failure = ModelError("checkpoint_invalid", "the models could not be loaded: see the log")
            _log.exception("the models could not be loaded")
        else:
            _log.info("models ready after %.1f s", time.monotonic() - began)
