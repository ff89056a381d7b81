"""The network as a run found it: what preferences and policies are measured against.

Knows nothing of losses. Where learning goes on from an adapter, the reference has that adapter.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from secretariat.models.training.learnt import Learnt


class Reference:
    """Made before a run resumes, while the masters are as they begin."""

    def __init__(self, learnt: Learnt) -> None:
        self._learnt = learnt
        self._begun = learnt.masters.values.clone()

    @contextmanager
    def here(self) -> Iterator[None]:
        """Without gradients, inside; before what is to have some: its numbers are the masters' own storage."""
        values = self._learnt.masters.values
        now = values.clone()
        with torch.no_grad():
            values.copy_(self._begun)
            self._learnt.synchronise()
            try:
                yield
            finally:
                values.copy_(now)
                self._learnt.synchronise()
