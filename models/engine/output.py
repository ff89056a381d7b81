"""From token bytes to the text a caller may see: whole characters, no stop string, nothing unsettled.

Knows no tokens and no constraints.
"""

import codecs


class Output:
    """The text of one generation as it grows. Text is held back while it could still turn out otherwise."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._unsettled = b""
        self._passed = 0
        self._held = ""
        self.stopped = False

    def push(self, data: bytes, settled: int | None = None) -> str:
        """The text that is now certain. `settled`: how many bytes of the whole output may be shown."""
        if self.stopped:
            return ""
        self._unsettled += data
        share = len(self._unsettled) if settled is None else settled - self._passed
        passed, self._unsettled = self._unsettled[:share], self._unsettled[share:]
        self._passed += len(passed)
        self._held += self._decoder.decode(passed)
        return self._release()

    def finish(self) -> str:
        """What was held back; unsettled bytes are dropped, an unfinished character becomes U+FFFD."""
        if self.stopped:
            return ""
        self._held += self._decoder.decode(b"", final=True)
        text = self._release()
        rest, self._held = self._held, ""
        return text + rest

    def _release(self) -> str:
        found = [at for at in (self._held.find(stop) for stop in self._stops) if at >= 0]
        if found:
            self.stopped = True
            text, self._held = self._held[: min(found)], ""
            return text
        keep = max((_overlap(self._held, stop) for stop in self._stops), default=0)
        cut = len(self._held) - keep
        text, self._held = self._held[:cut], self._held[cut:]
        return text


def _overlap(text: str, stop: str) -> int:
    """Length of the longest suffix of `text` that `stop` begins with."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
