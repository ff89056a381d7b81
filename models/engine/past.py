"""What a sequence can resume from, and the pools that it lies in.

Knows no requests and no tree.
"""

from dataclasses import dataclass

from secretariat.models.engine.pages import PagePool
from secretariat.models.engine.snapshots import SnapshotPool
from secretariat.models.nets.memory import Memory


@dataclass(frozen=True, slots=True)
class Past:
    """`tokens` in `pages`, the last maybe in part, and the state after them; no `snapshot` where there is none."""

    tokens: int
    pages: tuple[int, ...]
    snapshot: int | None = None


@dataclass(frozen=True, slots=True)
class Pools:
    """The storage of pages and of idle states. `page_bytes`: what a page costs."""

    memory: Memory
    pages: PagePool
    snapshots: SnapshotPool
    page_bytes: int

    @property
    def used(self) -> int:
        """Bytes in use."""
        return self.pages.used * self.page_bytes + self.snapshots.bytes

    def pin(self, past: Past) -> None:
        self.pages.share(past.pages)
        if past.snapshot is not None:
            self.snapshots.share(past.snapshot)

    def unpin(self, past: Past) -> None:
        self.pages.release(past.pages)
        if past.snapshot is not None:
            self.snapshots.release(past.snapshot)
