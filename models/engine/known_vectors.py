"""Vectors of texts, those of short ones kept for a while.

One question is embedded for the search, for what was said before and for the sentences that may answer it, and
those sentences are looked at again with the next question. A vector doesn't depend on what it is computed with, so
a kept one has the bits of a new one. Vectors never leave for another tenant.

Shape letters: E width of a vector.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from secretariat.models.engine.kept import Kept, key_of

KEPT_BYTES = 32 * 2**20
SHORT = 500  # characters: passages of documents are longer, and come once
_OVERHEAD = 200  # bytes, of an entry beside its vector


class CountingEncoder(Protocol):
    @property
    def max_tokens(self) -> int: ...

    def embed_counted(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.float32], int]:
        """Unit vectors [texts, E], and how many tokens were read."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class _Known:
    """`vector_E`: little-endian float32, as it is answered."""

    vector_E: bytes
    tokens: int


class KnownVectors:
    """Any thread."""

    def __init__(self, encoder: CountingEncoder, kept_bytes: int = KEPT_BYTES) -> None:
        self._encoder = encoder
        self._kept = Kept[_Known](kept_bytes, lambda known: len(known.vector_E) + _OVERHEAD)

    def embed(self, texts: Sequence[str], tenant: str) -> tuple[list[bytes], int]:
        """A vector of each text, and how many tokens the texts have as far as they are read."""
        keys = [key_of(tenant, text) for text in texts]
        found = self._kept.known([key for key, text in zip(keys, texts, strict=True) if len(text) <= SHORT])
        before = sum(found[key].tokens for key in keys if key in found)
        missing = [index for index, key in enumerate(keys) if key not in found]
        made, read = self._made([texts[index] for index in missing])
        fresh = dict(zip(missing, made, strict=True))
        self._keep({keys[index]: (texts[index], vector_E) for index, vector_E in fresh.items()})
        vectors = [fresh[index] if index in fresh else found[key].vector_E for index, key in enumerate(keys)]
        return vectors, before + read

    def _made(self, texts: Sequence[str]) -> tuple[list[bytes], int]:
        if not texts:
            return [], 0
        vectors, tokens = self._encoder.embed_counted(texts)
        return [row_E.tobytes() for row_E in vectors.astype("<f4")], tokens

    def _keep(self, made: dict[bytes, tuple[str, bytes]]) -> None:
        short = {key: each for key, each in made.items() if len(each[0]) <= SHORT}
        counts = self._encoder.count_tokens([text for text, _ in short.values()]) if short else []
        most = self._encoder.max_tokens
        self._kept.keep(
            {
                key: _Known(vector_E, min(count, most))
                for (key, (_, vector_E)), count in zip(short.items(), counts, strict=True)
            }
        )
