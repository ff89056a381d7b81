"""What comes to mind: the sentences of a conversation nearest to a question, exactly, in one product.

A conversation has hundreds of sentences, so nothing is approximated. Where the same was said twice in almost the
same words, what was said last stands: "the launch moved to June" takes the place of "the launch is in May".
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SAME = 0.92  # cosine of two sentences that say the same of the same thing


def nearest(question: bytes, vectors: Sequence[bytes], limit: int) -> list[tuple[int, float]]:
    """(row, cosine) of the nearest rows, best first; `vectors` in the order in which they were said."""
    if not vectors:
        return []
    rows = np.frombuffer(b"".join(vectors), dtype="<f4").reshape(len(vectors), -1)
    cosines = rows @ np.frombuffer(question, dtype="<f4")
    chosen: list[int] = []
    for row in np.argsort(-cosines, kind="stable"):
        if len(chosen) == limit:
            break
        if not _said_again(rows, int(row)):
            chosen.append(int(row))
    return [(row, float(cosines[row])) for row in chosen]


def _said_again(rows: NDArray[np.float32], row: int) -> bool:
    later = rows[row + 1 :]
    return bool(later.size and float((later @ rows[row]).max()) >= SAME)
