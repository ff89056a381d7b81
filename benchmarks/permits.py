"""What a permit takes for a person in a thousand groups: worked out from the grants, and remembered."""

import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import numpy as np
import psycopg

from benchmarks.crowd import PRINCIPALS, Crowd, name
from benchmarks.report import Figure, Report
from benchmarks.tenancy import add_groups, add_person
from secretariat.platform.access.authority import PersonAuthority
from secretariat.platform.db.session import Database
from secretariat.platform.indexes.permits import KnownPermits
from secretariat.retrieval.core import Scope

ROUNDS, MOST_MS = 100, 15.0


async def figures(
    report: Report, database: Database, superuser_url: str, tenant_id: UUID, made: Crowd
) -> None:
    """Beside all grants of the crowd: two documents for each of a thousand groups of its own."""
    documents = [name("document", number) for number in range(min(2 * PRINCIPALS, made.documents))]
    half = len(documents) // 2
    with psycopg.connect(superuser_url.replace("+psycopg", "")) as connection:
        groups = add_groups(connection, tenant_id, documents[:half])
        connection.execute(
            "INSERT INTO grants (tenant_id, id, resource_type, resource_id, principal, effect)"
            " SELECT tenant_id, gen_random_uuid(), 'document', second, principal, effect FROM grants"
            " JOIN unnest(%s::text[], %s::uuid[]) AS more (holder, second) ON principal = holder",
            ([f"group:{group}" for group in groups], documents[half : half + len(groups)]),
        )
        person = add_person(connection, tenant_id, groups)
    scope, known = Scope(tenant_id), KnownPermits()

    async def first() -> None:
        await PersonAuthority(database, person).permit(scope)

    async def again() -> None:
        await PersonAuthority(database, person, known).permit(scope)

    async def readable() -> None:
        await PersonAuthority(database, person, known).readable(scope, documents[:50])

    report.note("groups, grants of who asks for a permit", [len(groups), 2 * len(groups)])
    for what, work in (("worked out", first), ("remembered", again), ("fifty documents looked at", readable)):
        taken = await _taken(work)
        report.note(f"permit, {what}: p50 ms, p95 ms", [round(value, 2) for value in taken])
        if work is again:
            figure = "permit of a person in a thousand groups, at each search: p95"
            report.add(Figure(figure, taken[1], MOST_MS, "ms", least=False))


async def _taken(work: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await work()
        times.append((time.perf_counter() - began) * 1e3)
    return float(np.percentile(times, 50)), float(np.percentile(times, 95))
