"""Which live recurrent state belongs to nobody. Slot 0 is the null slot of sequences without any state.

Knows no tensors: a slot's content is whatever its last holder left, and a run that starts at 0 ignores it.
"""

from collections.abc import Iterable


class SlotPool:
    """Slots 1 … count."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._free = list(range(count, 0, -1))

    @property
    def free(self) -> int:
        return len(self._free)

    def take(self) -> int:
        return self._free.pop()

    def release(self, slot: int) -> None:
        assert 1 <= slot <= self.count, "released a slot that doesn't exist"
        assert slot not in self._free, "released a free slot"
        self._free.append(slot)

    def check_integrity(self, held: Iterable[int]) -> None:
        """Raises AssertionError unless exactly `held` are taken."""
        assert sorted([*self._free, *held]) == list(range(1, self.count + 1)), "a slot leaked"
