"""pgvector as a peer: the same vectors under HNSW in the same PostgreSQL, filtered by the same permissions.

In two forms. Resolved: each row carries the principals that are let in and those that are kept out, which costs
a search least and a change of grants a rewrite of rows. Live: the grants are asked in the same statement. Scans
are iterative, so that the filter leaves enough rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray

WIDTHS = (10, 20, 40, 80, 160, 320, 400, 500, 640, 1000)
ORDERS = ("relaxed_order", "strict_order")
_RESOLVED = """
SELECT id FROM vectors WHERE let_in && %(who)s::int[] AND NOT kept_out && %(who)s::int[]
ORDER BY embedding <#> %(vector)s::vector LIMIT %(k)s
"""
_MINE = "SELECT resource_id FROM grants WHERE tenant_id = %(tenant)s AND principal = ANY(%(who)s)"
_LIVE = f"""
SELECT id FROM vectors
WHERE (document_id IN ({_MINE} AND effect = 'allow' AND resource_type = 'document')
    OR collection_id IN ({_MINE} AND effect = 'allow' AND resource_type = 'collection'))
  AND NOT document_id IN ({_MINE} AND effect = 'deny' AND resource_type = 'document')
  AND NOT collection_id IN ({_MINE} AND effect = 'deny' AND resource_type = 'collection')
ORDER BY embedding <#> %(vector)s::vector LIMIT %(k)s
"""  # noqa: S608 - made of constants


@dataclass(frozen=True, slots=True)
class Access:
    """For each row the principals that are let in, those that are kept out whatever lets them in, and the ids of
    its document and collection."""

    let_in: Sequence[Sequence[int]]
    kept_out: Sequence[Sequence[int]]
    places: Sequence[tuple[UUID, UUID]]


class Pgvector:
    """One connection; statements are prepared, as a pool would keep them."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True, prepare_threshold=1)
        self._connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        self._connection.execute("SET enable_seqscan = off")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    @property
    def version(self) -> str:
        row = self._connection.execute(
            "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
        ).fetchone()
        assert row is not None
        return str(row[0])

    def fill(self, vectors: NDArray[np.float32], access: Access) -> None:
        """Rows 0, 1, … and the index over them, with pgvector's own defaults for its form."""
        run = self._connection.execute
        run(
            f"CREATE TABLE vectors (id int PRIMARY KEY, let_in int[], kept_out int[],"
            f" document_id uuid, collection_id uuid, embedding vector({vectors.shape[1]}) NOT NULL)"
        )
        copy = "COPY vectors FROM STDIN"
        with self._connection.cursor() as cursor, cursor.copy(copy) as rows:
            for row, vector in enumerate(vectors):
                who = list(access.let_in[row]), list(access.kept_out[row])
                rows.write_row((row, *who, *access.places[row], literal(vector)))
        run("SET maintenance_work_mem = '1GB'")
        run("SET max_parallel_maintenance_workers = 1")
        run("CREATE INDEX ON vectors USING hnsw (embedding vector_ip_ops)")
        run("VACUUM ANALYZE vectors")

    def widen(self, width: int, order: str) -> None:
        self._connection.execute(f"SET hnsw.ef_search = {width}")
        self._connection.execute(f"SET hnsw.iterative_scan = {order}")

    def settings(self) -> Iterator[str]:
        """Each way to scan in turn, narrow ones first, set before it is named."""
        for width in WIDTHS:
            for order in ORDERS:
                self.widen(width, order)
                yield f"ef_search {width}, {order}"

    def resolved(self, vector: str, who: Sequence[int], k: int) -> list[int]:
        """The k nearest rows whose columns let one of `who` in."""
        found = self._connection.execute(_RESOLVED, {"who": list(who), "vector": vector, "k": k})
        return [row[0] for row in found]

    def live(self, vector: str, tenant: UUID, who: Sequence[str], k: int) -> list[int]:
        """The k nearest rows that the grants open to one of `who` at this moment."""
        asked = {"who": list(who), "tenant": tenant, "vector": vector, "k": k}
        return [row[0] for row in self._connection.execute(_LIVE, asked)]

    def plan(self, vector: str, who: Sequence[int]) -> str:
        """How PostgreSQL goes about a resolved search, without the vector."""
        rows = self._connection.execute("EXPLAIN " + _RESOLVED, {"who": list(who), "vector": vector, "k": 10})
        return "; ".join(row[0].strip().split("'[")[0] for row in rows)


def literal(vector: NDArray[np.float32]) -> str:
    """As pgvector reads it; made before the clock starts."""
    return "[" + ",".join(f"{value:.7g}" for value in vector.tolist()) + "]"
