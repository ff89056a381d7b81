"""How well a text answers a query, word by word: late interaction on the token vectors of an encoder.

Each token of the query takes the text's token that is nearest to it, and the cosines are averaged (MaxSim of
Khattab and Zaharia, SIGIR 2020, arXiv:2004.12832; here without the training, on the vectors that the encoder
has for its pooled embeddings). Token vectors never leave the process: scores do.

Shape letters: Q tokens of the query, T tokens of a text, E width of a vector.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Halves = npt.NDArray[np.float16]
CACHED_BYTES = 256 * 2**20


class TokenEncoder(Protocol):
    def token_vectors(self, texts: Sequence[str]) -> Sequence[Halves]:
        """Of each text a unit vector of every token with its framing: [tokens, E]."""
        ...


class LateInteraction:
    """Keeps the token vectors of texts that were ranked lately, up to a number of bytes.

    A text is found again by a keyed hash of its words and of whose they are: what one tenant ranked makes
    nothing faster for another.
    """

    def __init__(self, encoder: TokenEncoder, cached_bytes: int = CACHED_BYTES) -> None:
        self._encoder = encoder
        self._kept: OrderedDict[bytes, Halves] = OrderedDict()
        self._room = cached_bytes
        self._lock = threading.Lock()

    def scores(self, query: str, texts: Sequence[str], tenant: str) -> tuple[list[float], int]:
        """A mean cosine in -1 … 1 for each text, and how many tokens were read."""
        keys = [_key(tenant, text) for text in texts]
        found = self._known(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        asked_QE, *fresh = self._encoder.token_vectors([query, *missing.values()])
        made = dict(zip(missing, (_unframed(vectors_TE) for vectors_TE in fresh), strict=True))
        self._keep(made)
        found |= made
        query_QE = _unframed(asked_QE).astype(np.float32)
        read = len(asked_QE) + sum(map(len, fresh))
        return [_nearness(query_QE, found[key]) for key in keys], read

    def _known(self, keys: Sequence[bytes]) -> dict[bytes, Halves]:
        with self._lock:
            found = {key: self._kept[key] for key in keys if key in self._kept}
            for key in found:
                self._kept.move_to_end(key)
        return found

    def _keep(self, made: dict[bytes, Halves]) -> None:
        with self._lock:
            for key, vectors_TE in made.items():
                if key not in self._kept:
                    self._kept[key] = vectors_TE
                    self._room -= vectors_TE.nbytes
            while self._room < 0 and self._kept:
                _, dropped_TE = self._kept.popitem(last=False)
                self._room += dropped_TE.nbytes


def _key(tenant: str, text: str) -> bytes:
    return hashlib.blake2b(
        text.encode(), digest_size=32, key=hashlib.sha256(tenant.encode()).digest()
    ).digest()


def _unframed(vectors_TE: Halves) -> Halves:
    """Without the framing tokens, which stand for no word, unless there is nothing else."""
    inner_TE = vectors_TE[1:-1]
    return inner_TE if len(inner_TE) else vectors_TE


def _nearness(query_QE: npt.NDArray[np.float32], text_TE: Halves) -> float:
    return float((query_QE @ text_TE.astype(np.float32).T).max(axis=1).mean())
