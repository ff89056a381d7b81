"""How well a text answers a query, word by word: late interaction on the token vectors of an encoder.

Each token of the query takes the text's token that is nearest to it, and the cosines are averaged (MaxSim of
Khattab and Zaharia, SIGIR 2020, arXiv:2004.12832; here without the training, on the vectors that the encoder
has for its pooled embeddings). Token vectors never leave the process: scores do.

Shape letters: Q tokens of the query, T tokens of a text, E width of a vector.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from secretariat.models.engine.kept import Kept, key_of

Halves = npt.NDArray[np.float16]
CACHED_BYTES = 256 * 2**20


class TokenEncoder(Protocol):
    def token_vectors(self, texts: Sequence[str]) -> Sequence[Halves]:
        """Of each text a unit vector of every token with its framing: [tokens, E]."""
        ...


class LateInteraction:
    """Keeps the token vectors of texts that were ranked lately, up to a number of bytes."""

    def __init__(self, encoder: TokenEncoder, cached_bytes: int = CACHED_BYTES) -> None:
        self._encoder = encoder
        self._kept = Kept[Halves](cached_bytes, lambda vectors_TE: vectors_TE.nbytes)

    def scores(self, query: str, texts: Sequence[str], tenant: str) -> tuple[list[float], int]:
        """A mean cosine in -1 … 1 for each text, and how many tokens were read."""
        keys = [key_of(tenant, text) for text in (query, *texts)]
        found = self._kept.known(keys)
        missing = {key: text for key, text in zip(keys, (query, *texts), strict=True) if key not in found}
        fresh = self._encoder.token_vectors(list(missing.values())) if missing else []
        made = dict(zip(missing, map(_unframed, fresh), strict=True))
        self._kept.keep(made)
        found |= made
        query_QE = found[keys[0]].astype(np.float32)
        return [_nearness(query_QE, found[key]) for key in keys[1:]], sum(map(len, fresh))


def _unframed(vectors_TE: Halves) -> Halves:
    """Without the framing tokens, which stand for no word, unless there is nothing else."""
    inner_TE = vectors_TE[1:-1]
    return inner_TE if len(inner_TE) else vectors_TE


def _nearness(query_QE: npt.NDArray[np.float32], text_TE: Halves) -> float:
    return float((query_QE @ text_TE.astype(np.float32).T).max(axis=1).mean())
