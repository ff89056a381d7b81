"""The thread that an encoder runs in. Knows nothing of what is read from the encoder."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from secretariat.models.core import CallContext
from secretariat.models.errors import ModelError

T = TypeVar("T")
_AT_ONCE = 16


class EncoderThread:
    """Long lists of texts go in slices, so that callers take turns."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name, initializer=_yield_to_decoding)

    def close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def run(
        self, work: Callable[[Sequence[str]], T], texts: Sequence[str], call: CallContext
    ) -> list[T]:
        """What `work` makes of each slice. Raises ModelError: invalid_request without texts, deadline_exceeded."""
        if not texts:
            raise ModelError("invalid_request", "there is no text", param="input")
        deadline = None if call.deadline_s is None else time.monotonic() + call.deadline_s
        made = []
        for start in range(0, len(texts), _AT_ONCE):
            if deadline is not None and deadline <= time.monotonic():
                raise ModelError("deadline_exceeded", "the deadline passed", retryable=True)
            slice_ = texts[start : start + _AT_ONCE]
            made.append(await asyncio.get_running_loop().run_in_executor(self._thread, work, slice_))
        return made


def _yield_to_decoding() -> None:
    """A reader waits for every token, nobody for a single vector. Linux alone has niceness by thread."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)
