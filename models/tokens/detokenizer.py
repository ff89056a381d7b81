"""Token ids to text as they come: bytes of a character that is not yet whole are held back.

Knows nothing of stop strings: that is the engine's.
"""

import codecs
from collections.abc import Sequence


class Detokenizer:
    """Feed it token ids one by one. `push` returns the text that is now certain, `finish` the rest."""

    def __init__(self, vocab_bytes: Sequence[bytes]) -> None:
        self._vocab_bytes = vocab_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        return self._decoder.decode(self._vocab_bytes[token])

    def finish(self) -> str:
        """What is left; an unfinished character becomes U+FFFD. Resets the state."""
        rest = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return rest
