"""How soon a revoked grant is felt: searchers in processes of their own, and a clock that they share."""

import asyncio
import multiprocessing
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from uuid import UUID

import numpy as np
import psycopg

from benchmarks.crowd import Crowd, crowd, name
from benchmarks.report import Figure, Report
from benchmarks.tenancy import Tenancy, prepare, principal
from secretariat.platform.access.authority import PersonAuthority
from secretariat.platform.contents.keyring import Keyring
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import Database
from secretariat.platform.indexes.chunk_log import SqlChunkLog
from secretariat.platform.kit.ids import new_id
from secretariat.retrieval.core import Scope
from secretariat.retrieval.index.log import MemoryChunkLog
from secretariat.retrieval.index.roster import Within
from secretariat.retrieval.index.view import IndexView

PROCESSES, REVOCATIONS, CHUNKS = 2, 100, 4_000
_AFTER_S = 0.15
_OUTSIDER = 10**6


@dataclass(frozen=True)
class Order:
    """Search for the document's vector until `_AFTER_S` after it was last found, once it was found."""

    document: int


def figures(report: Report, url: str, superuser_url: str) -> None:
    made = crowd(CHUNKS)
    tenancy = asyncio.run(_prepared(url, superuser_url, made))
    context = multiprocessing.get_context("spawn")
    pipes = []
    for _ in range(PROCESSES):
        ours, theirs = context.Pipe()
        context.Process(target=search, args=(url, tenancy, theirs), daemon=True).start()
        pipes.append(ours)
    for pipe in pipes:
        assert pipe.recv() == "ready"
    delays = []
    with psycopg.connect(superuser_url.replace("+psycopg", ""), autocommit=True) as connection:
        for number in range(REVOCATIONS):
            delays += _revoked(connection, pipes, tenancy.tenant_id, number % made.documents)
    for pipe in pipes:
        pipe.send(None)
    p99 = float(np.percentile(delays, 99))
    report.note("revocation to effect: median, most, in seconds", [float(np.median(delays)), max(delays)])
    report.add(Figure(f"revocation to effect in {PROCESSES} processes, p99", p99, 1.0, "s", least=False))


async def _prepared(url: str, superuser_url: str, made: Crowd) -> Tenancy:
    database = Database(url)
    tenancy = await prepare(database, superuser_url, made, [[_OUTSIDER]])
    await database.close()
    return tenancy


def _revoked(
    connection: psycopg.Connection, pipes: list[Connection], tenant_id: UUID, document: int
) -> list[float]:
    """Grant, wait until every process finds the document, revoke; how long each went on finding it."""
    grant = new_id()
    connection.execute(
        "INSERT INTO grants (tenant_id, id, resource_type, resource_id, principal, effect)"
        " VALUES (%s, %s, 'document', %s, %s, 'allow')",
        (tenant_id, grant, name("document", document), principal(_OUTSIDER)),
    )
    for pipe in pipes:
        pipe.send(Order(document))
    for pipe in pipes:
        assert pipe.recv() == "found"
    connection.execute("DELETE FROM grants WHERE id = %s", (grant,))
    revoked = time.monotonic()
    return [max(0.0, pipe.recv() - revoked) for pipe in pipes]


def search(url: str, tenancy: Tenancy, orders: Connection) -> None:
    """A process that searches as told, and says when it last found what it was told to look for."""
    asyncio.run(_search(url, tenancy, orders))


async def _search(url: str, tenancy: Tenancy, orders: Connection) -> None:
    made, database = crowd(CHUNKS), Database(url)
    written = MemoryChunkLog()
    written.append(made.chunks())
    log = SqlChunkLog(database, ContentStore(Keyring(bytes(32))), tenancy.tenant_id)
    log.tail = written.tail  # type: ignore[method-assign] # the chunks needn't lie in the database for this
    view, authority = IndexView(tenancy.tenant_id, log), PersonAuthority(database, tenancy.people[0])
    scope = Scope(tenancy.tenant_id)
    await view.catch_up()
    orders.send("ready")
    while (order := orders.recv()) is not None:
        wanted = name("document", order.document)
        vector = made.vectors[order.document * 10].astype("<f4").tobytes()
        last = told = 0.0
        while not told or time.monotonic() - last < _AFTER_S:
            permit = await authority.permit(scope)
            await view.catch_up(head=permit.head)
            found = await view.rank("", vector, permit, Within(), 10)
            documents = {found.chunks[row].document_id for row in found.dense}
            if wanted in await authority.readable(scope, documents):
                last = time.monotonic()
                if not told:
                    told = last
                    orders.send("found")
        orders.send(last)
    await database.close()
