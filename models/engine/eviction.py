"""What leaves the cache first when memory runs out: pages and states under one scale.

First goes what nobody is expected to come back to: states that their one reader has gone past, and loose pages
of a network that resumes from states alone. Of the rest, score = recency + floating-point operations saved a
byte, each over its range among the candidates (Marconi, MLSys 2025). A state saves the work from the state before
it on its path; a page saves its own tokens' work where all there is to know lies in pages.
"""

import heapq
from collections.abc import Callable
from itertools import count

from secretariat.models.engine.pages import PAGE_SIZE
from secretariat.models.engine.snapshots import SnapshotPool
from secretariat.models.engine.tree import Mark, Node, PrefixTree
from secretariat.models.nets.config import (
    AttentionSpec,
    DecoderConfig,
    LayerSpec,
    LowRankMoeSpec,
    MlpSpec,
    MoeSpec,
)


class Worth:
    """Operations that an item saves, by the network's shape and the bytes that the item takes."""

    def __init__(self, config: DecoderConfig, page_bytes: int, snapshots: SnapshotPool) -> None:
        self._page_bytes = page_bytes
        self._snapshots = snapshots
        self._stateful = config.has_state
        attentions = [(4 * spec.heads * spec.head_dim, spec.window) for _, _, spec in config.attentions()]
        windows = sum(each * window for each, window in attentions if window is not None)
        self._linear = 2 * sum(_weights(layer, config.width) for layer in config.layers) + windows
        self._pair = sum(each for each, window in attentions if window is None)

    def work(self, start: int, end: int) -> float:
        """Operations to compute tokens start … end of a sequence: the products, and attention to what is
        before.
        """
        return (end - start) * (self._linear + self._pair * (start + end) / 2)

    def is_spare(self, item: Node | Mark) -> bool:
        """Whether it goes before all that isn't: no state behind a page, nobody who would ask for a state."""
        return item.is_spare if isinstance(item, Mark) else self._stateful

    def of(self, item: Node | Mark) -> float:
        """Operations saved a byte."""
        if isinstance(item, Node):
            start = (item.depth - 1) * PAGE_SIZE
            saved = 0.0 if self._stateful else self.work(start, start + PAGE_SIZE)
            return saved / self._page_bytes
        since = item.before.position if item.before is not None else 0
        pages = -(-(item.position - since) // PAGE_SIZE)
        size = self._snapshots.bytes_of(item.snapshot) + pages * self._page_bytes
        return self.work(since, item.position) / size


def evict(tree: PrefixTree, worth: Worth, enough: Callable[[], bool], *, spare: bool = False) -> None:
    """Drop the least valuable items until there is enough room or nothing is left that may go. `spare`: only
    what nobody is expected to come back to.
    """
    if enough():
        return
    items = list(tree.evictable())
    if not items:
        return
    oldest, newest = min(item.used for item in items), max(item.used for item in items)
    best = max(worth.of(item) for item in items) or 1.0

    def score(item: Node | Mark) -> tuple[bool, float]:
        recency = (item.used - oldest) / max(newest - oldest, 1)
        return not worth.is_spare(item), recency + worth.of(item) / best

    order = count()
    heap = [(score(item), next(order), item) for item in items]
    heapq.heapify(heap)
    while heap and not enough():
        (wanted, _), _, item = heapq.heappop(heap)
        if spare and wanted:
            return
        left = tree.drop(item)
        if tree.is_loose(left):  # it had something behind it, so it wasn't among the candidates
            heapq.heappush(heap, (score(left), next(order), left))


def _weights(layer: LayerSpec, width: int) -> int:
    """Matrix elements that a token passes in this layer, roughly: routed experts count as often as chosen."""
    mixers = sum(
        width * (2 * m.heads + 2 * m.kv_heads) * m.head_dim
        if isinstance(m, AttentionSpec)
        else 3 * width * m.inner
        for m in layer.mixers
    )
    match layer.feed_forward:
        case MlpSpec(hidden=hidden):
            return mixers + 3 * width * hidden
        case LowRankMoeSpec(mlp=mlp, router=router, rank=rank):
            return mixers + 3 * width * mlp.hidden + 3 * (width + mlp.hidden) * rank * router.top
        case MoeSpec(hidden=hidden, router=router, shared_hidden=shared):
            return mixers + 3 * width * (hidden * router.top + (shared or 0))
        case None:
            return mixers
