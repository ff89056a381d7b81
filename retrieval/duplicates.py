"""Which texts are nearly the same: 64 bits for a text, few of them different between near duplicates.

The bits are a simhash (Charikar, STOC 2002) over the text's runs of three words: each run votes on each bit, so
texts that share most runs share most bits. Knows no chunks and no storage.
"""

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

BITS = 64
NEAR_BITS = 8
"""How many bits may differ. Of texts of 150 words with edits at random, pairs whose runs of three words agree to
.95 or more (Jaccard: a word exchanged) are near in 99 %, to .85-.95 in 78 %, to a half in 1 %, to less never."""
FEWEST_WORDS = 12
_RUN = 3
_WORD = re.compile(r"\w+")

Signatures = NDArray[np.int64]


def signature(text: str) -> int | None:
    """A signed 64-bit number, the same on every machine; None for a text too short to compare.

    Case, punctuation and white space don't count; numbers and the order of words do.
    """
    words = _WORD.findall(text.casefold())
    if len(words) < FEWEST_WORDS:
        return None
    runs = {" ".join(words[at : at + _RUN]) for at in range(len(words) - _RUN + 1)}
    digests = b"".join(blake2b(run.encode(), digest_size=BITS // 8).digest() for run in runs)
    votes = np.unpackbits(np.frombuffer(digests, np.uint8).reshape(-1, BITS // 8), axis=1).sum(axis=0)
    return int.from_bytes(np.packbits(2 * votes > len(runs)).tobytes(), "big", signed=True)


def near(one: int | None, other: int | None, bits: int = NEAR_BITS) -> bool:
    """Whether the texts of these signatures are nearly the same. A text without a signature is near nothing."""
    return one is not None and other is not None and ((one ^ other) & ((1 << BITS) - 1)).bit_count() <= bits


def nearest(one: int, others: Signatures) -> NDArray[np.uint8]:
    """In how many bits each of the others differs."""
    return np.bitwise_count((others ^ np.int64(one)).view(np.uint64))


def distinct(signatures: Sequence[int | None], bits: int = NEAR_BITS, most: int | None = None) -> list[int]:
    """Positions, in order, of those that aren't near an earlier one that was kept: the first `most`."""
    kept: list[int] = []
    for position, one in enumerate(signatures):
        if most is not None and len(kept) >= most:
            break
        if not any(near(one, signatures[earlier], bits) for earlier in kept):
            kept.append(position)
    return kept
