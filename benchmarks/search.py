"""Search inside permissions against pgvector, and how soon a revoked grant is felt in every process.

Twice, and without the embedding, which both sides would pay. With live grants: here who the person is, the
version of the grants and the log's head, the rows in reach, the ten nearest, and the second look at person, grants
and documents; there one statement that asks the grants of principals that it is told. Each caller has searched
once before, as in a process at work; what a first permit takes stands beside. Resolved: here the ten nearest by a
permit in hand, there rows that carry their principals. The peer's scan is the narrowest that reaches the recall
asked for, on queries of its own and in the run that is measured.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray

from benchmarks import permits, revocation
from benchmarks.crowd import (
    CHUNKS_EACH,
    COLLECTIONS,
    DOCUMENTS,
    PRINCIPALS,
    Crowd,
    crowd,
    name,
)
from benchmarks.peers.pgvector import Access, Pgvector, literal
from benchmarks.report import Figure, Report, proven
from benchmarks.tenancy import Tenancy, prepare, principal
from secretariat.platform.access.authority import PersonAuthority
from secretariat.platform.contents.keyring import Keyring
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db import bootstrap
from secretariat.platform.db.session import Database
from secretariat.platform.embedded.postgres import SUPERUSER, EmbeddedPostgres
from secretariat.platform.indexes.chunk_log import SqlChunkLog
from secretariat.platform.indexes.permits import KnownPermits
from secretariat.retrieval.core import Chunk, Permit, Scope, Tombstone
from secretariat.retrieval.index.roster import Within
from secretariat.retrieval.index.view import IndexView

K, ENOUGH, CALLERS = 10, 0.95, 40
FITTED, ROUNDS = 200, 400
_TESTS = ("tests/retrieval/test_index.py", "tests/retrieval/test_index_parts.py")


class CrowdLog(SqlChunkLog):
    """The head from PostgreSQL, as always; the chunks from where they are made."""

    def __init__(self, database: Database, tenant_id: UUID, made: Crowd) -> None:
        super().__init__(database, ContentStore(Keyring(bytes(32))), tenant_id)
        self._made = made

    async def tail(self, after: int) -> AsyncIterator[Chunk | Tombstone]:
        for seq, chunk in enumerate(self._made.chunks(), 1):
            if seq > after:
                yield replace(chunk, seq=seq)


class Ours:
    """A searcher for one tenant, as the pipeline goes about it."""

    def __init__(self, database: Database, tenancy: Tenancy, view: IndexView) -> None:
        known = KnownPermits()
        self.scope = Scope(tenancy.tenant_id)
        self._callers = [PersonAuthority(database, person, known) for person in tenancy.people]
        self.view = view

    async def search(self, vector: bytes, caller: int) -> list[int]:
        permit = await self.permit(caller)
        await self.view.catch_up(head=permit.head)
        found = await self.view.rank("", vector, permit, Within(), K)
        chunks = [found.chunks[row] for row in found.dense]
        ids = {chunk.document_id for chunk in chunks}
        rules = await self._callers[caller].readable(self.scope, ids)
        return [chunk.seq - 1 for chunk in chunks if chunk.document_id in rules]

    async def nearest(self, vector: bytes, permit: Permit) -> list[int]:
        found = await self.view.rank("", vector, permit, Within(), K)
        return [found.chunks[row].seq - 1 for row in found.dense]

    async def permit(self, caller: int) -> Permit:
        return await self._callers[caller].permit(self.scope)


async def figures(report: Report, url: str, superuser_url: str, made: Crowd) -> None:
    database = Database(url)
    asked = Asked.of(made)
    tenancy = await prepare(database, superuser_url, made, asked.callers)
    began = time.perf_counter()
    threads = ThreadPoolExecutor(os.cpu_count())  # as a process has them
    view = IndexView(tenancy.tenant_id, CrowdLog(database, tenancy.tenant_id, made), executor=threads)
    await view.catch_up()
    report.note("chunks", view.size)
    report.note("seconds to replay the log", round(time.perf_counter() - began, 1))
    began = time.perf_counter()
    view.settle()
    report.note("seconds to learn where to look, beside searches", round(time.perf_counter() - began, 1))
    ours = Ours(database, tenancy, view)
    with Pgvector(superuser_url) as peer:
        began = time.perf_counter()
        peer.fill(made.vectors, access(made))
        report.note("pgvector", f"{peer.version}, HNSW built in {time.perf_counter() - began:.0f} s")
        await _against(report, ours, peer, asked)
    await _beside(report, ours, asked)
    await permits.figures(report, database, superuser_url, tenancy.tenant_id, made)
    await database.close()


class Asked:
    """Queries and who asks them, with what an exact search finds; half to fit the peer, half to measure."""

    def __init__(self, made: Crowd, visible: list[NDArray[np.bool_]], callers: list[list[int]]) -> None:
        self.callers = callers
        self.queries = made.queries
        self.share = float(np.mean([mask.mean() for mask in visible]))
        self._vectors, self._visible = made.vectors, visible
        self._nearest: dict[int, set[int]] = {}

    @classmethod
    def of(cls, made: Crowd) -> "Asked":
        callers, rights = made.callers(CALLERS), access(made)
        let_in, kept_out = (
            np.array([[who in row for who in range(PRINCIPALS)] for row in rows[::CHUNKS_EACH]])
            for rows in (rights.let_in, rights.kept_out)
        )
        documents = np.repeat(np.arange(made.documents), CHUNKS_EACH)
        open_to = [np.asarray(let_in[:, who].any(axis=1) & ~kept_out[:, who].any(axis=1)) for who in callers]
        return cls(made, [flags[documents] for flags in open_to], callers)

    def one(self, number: int) -> tuple[NDArray[np.float32], int]:
        """A query and the number of who asks it: even numbers and odd ones share callers, but no query."""
        return self.queries[number % (len(self.queries) // 2 * 2)], number // 2 % len(self.callers)

    def recall(self, number: int, found: Sequence[int]) -> float:
        if number not in self._nearest:
            vector, caller = self.one(number)
            rows = np.flatnonzero(self._visible[caller])
            best = np.argsort(-(self._vectors[rows] @ vector))[:K]
            self._nearest[number] = {*rows[best].tolist()}
        nearest = self._nearest[number]
        return len(nearest & {*found}) / len(nearest)


def access(made: Crowd) -> Access:
    """The grants as the peer holds them: by row."""
    homes: list[list[int]] = [[] for _ in range(COLLECTIONS)]
    let_in: list[list[int]] = [[] for _ in range(made.documents)]
    kept_out: list[list[int]] = [[] for _ in range(made.documents)]
    numbers = {name("collection", number): number for number in range(COLLECTIONS)}
    documents = {name("document", number): number for number in range(made.documents)}
    for grant in made.grants():
        if grant.resource == "collection":
            homes[numbers[grant.resource_id]].append(grant.principal)
        else:
            held = let_in if grant.effect == "allow" else kept_out
            held[documents[grant.resource_id]].append(grant.principal)
    each = range(made.documents)
    both = [sorted({*let_in[document], *homes[made.collection_of(document)]}) for document in each]
    return Access(
        [both[row // CHUNKS_EACH] for row in range(len(made.vectors))],
        [kept_out[row // CHUNKS_EACH] for row in range(len(made.vectors))],
        [
            (name("document", document), name("collection", made.collection_of(document)))
            for document in each
            for _ in range(CHUNKS_EACH)
        ],
    )


async def _against(report: Report, ours: Ours, peer: Pgvector, asked: Asked) -> None:
    texts = [literal(vector) for vector in asked.queries]

    def recall_where_fitted() -> float:
        found = []
        for n in range(0, 2 * FITTED, 2):
            _, who = asked.one(n)
            found.append(asked.recall(n, peer.resolved(texts[n], asked.callers[who], K)))
        return float(np.mean(found))

    report.note("share visible", round(asked.share, 3))
    measured = Measured({}, {})
    for setting in peer.settings():
        fitted = recall_where_fitted()
        if fitted >= ENOUGH:
            measured = await _measured(ours, peer, asked, texts)
            held = measured.recall("pgvector, resolved")
            report.note(
                "pgvector's scan", f"{setting}: recall {fitted:.3f} where fitted, {held:.3f} measured"
            )
            if held >= ENOUGH:
                break
    report.note("pgvector's plan", peer.plan(texts[0], asked.callers[0]))
    for side in measured.taken:
        report.note(f"{side}: p50 ms, p95 ms, recall@10", measured.of(side))
    for form in ("live grants", "resolved"):
        ratio = measured.ms(f"ours, {form}", 95) / measured.ms(f"pgvector, {form}", 95)
        report.add(Figure(f"filtered search, {form}: p95 against pgvector's", ratio, 0.5, least=False))
    report.add(Figure("recall@10 of exact", measured.recall("ours, live grants"), ENOUGH, ""))


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds and recall of each search, by side."""

    taken: dict[str, list[float]]
    recalls: dict[str, list[float]]

    def ms(self, side: str, percentile: int) -> float:
        return float(np.percentile(self.taken[side], percentile)) * 1e3

    def recall(self, side: str) -> float:
        return float(np.mean(self.recalls[side]))

    def of(self, side: str) -> list[float]:
        return [round(self.ms(side, 50), 2), round(self.ms(side, 95), 2), round(self.recall(side), 4)]


async def _measured(ours: Ours, peer: Pgvector, asked: Asked, texts: Sequence[str]) -> Measured:
    """Both sides in turn, on queries that nothing was fitted to."""
    given = [await ours.permit(caller) for caller in range(len(asked.callers))]
    names = [sorted(map(principal, caller)) for caller in asked.callers]
    taken: dict[str, list[float]] = defaultdict(list)
    found: dict[str, list[list[int]]] = defaultdict(list)
    asking = range(1, 2 * ROUNDS, 2)
    for n in asking:
        vector, who = asked.one(n)
        query, text = vector.astype("<f4").tobytes(), texts[n % (len(texts) // 2 * 2)]
        sides: dict[str, Callable[[], Awaitable[list[int]]]] = {
            "ours, live grants": partial(ours.search, query, who),
            "pgvector, live grants": partial(_now, peer.live, text, ours.scope.tenant, names[who], K),
            "ours, resolved": partial(ours.nearest, query, given[who]),
            "pgvector, resolved": partial(_now, peer.resolved, text, asked.callers[who], K),
        }
        for side, work in sides.items():
            began = time.perf_counter()
            rows = await work()
            taken[side].append(time.perf_counter() - began)
            found[side].append(rows)
    recalls = {side: [*map(asked.recall, asking, all_rows)] for side, all_rows in found.items()}
    return Measured(taken, recalls)


async def _now(work: Callable[..., list[int]], *arguments: object) -> list[int]:
    return work(*arguments)


async def _beside(report: Report, ours: Ours, asked: Asked) -> None:
    """What the parts of a search take, and searches with more in reach."""
    permit = await ours.permit(0)
    everything = Permit(collections={name("collection", n): name("grant", n) for n in range(COLLECTIONS)})
    view, vector = ours.view, asked.queries[0].astype("<f4").tobytes()
    report.note("grants to a caller", len(permit.collections) + len(permit.documents))
    timed: dict[str, Callable[[], Awaitable[object]]] = {
        "head of the log": view.catch_up,
        "permit, known": lambda: ours.permit(0),
        "rows in reach": lambda: view.reach(permit, Within()),
        "nearest ten in reach": lambda: view.rank("", vector, permit, Within(), K),
        "with words, pool of 100": lambda: view.rank("w1 w20 w300 w4ab", vector, permit, Within(), 100),
        "nearest ten of everything": lambda: view.rank("", vector, everything, Within(), K),
        "everything, with words, pool of 100": lambda: view.rank(
            "w1 w20 w300 w4ab", vector, everything, Within(), 100
        ),
    }
    report.note("ms, best of 20", {what: await _best(work) for what, work in timed.items()})
    near = [asked.queries[n].astype("<f4").tobytes() for n in range(40)]
    exact = IndexView(view.tenant, view._log, exact_reach=10**9)  # noqa: SLF001
    exact._now = view._now.next(approximate=None)  # noqa: SLF001
    pairs = [
        [{*(await v.rank("", query, everything, Within(), K)).dense} for v in (view, exact)] for query in near
    ]
    report.note("recall@10, everything visible", float(np.mean([len(a & b) / K for a, b in pairs])))


async def _best(work: Callable[[], Awaitable[object]], rounds: int = 20) -> float:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - began)
    return round(min(taken) * 1e3, 2)


def main(documents: int = DOCUMENTS) -> int:
    proven(*_TESTS)
    report = Report("search")
    with tempfile.TemporaryDirectory(prefix="bench-search-") as root:
        Path(root).chmod(0o755)  # as root, the server runs as another user
        server = _server(Path(root) / "data")
        try:
            url, superuser_url = (server.url(role, bootstrap.DATABASE) for role in (bootstrap.APP, SUPERUSER))
            asyncio.run(figures(report, url, superuser_url, crowd(documents * CHUNKS_EACH)))
            revocation.figures(report, url, superuser_url)
        finally:
            server.stop()
    return report.close()


def _server(directory: Path) -> EmbeddedPostgres:
    """With memory enough for the peer's index to stay in it."""
    server = EmbeddedPostgres(directory)
    server.start()
    with psycopg.connect(
        server.url(SUPERUSER, "postgres").replace("+psycopg", ""), autocommit=True
    ) as connection:
        connection.execute("ALTER SYSTEM SET shared_buffers = '1GB'")
        connection.execute("ALTER SYSTEM SET max_wal_size = '4GB'")
    server.stop()
    server.start()
    bootstrap.create_roles(server.url(SUPERUSER, "postgres"))
    bootstrap.migrate(server.url(bootstrap.OWNER, bootstrap.DATABASE))
    return server


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENTS))
