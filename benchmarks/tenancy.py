"""The rows behind a crowd: tenant, collections, documents, grants and the head of the log, in PostgreSQL."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg

from benchmarks.crowd import COLLECTIONS, Crowd, name
from secretariat.platform.db.session import Database
from secretariat.platform.kit.ids import new_id
from secretariat.platform.tenants.service import create_tenant


@dataclass(frozen=True, slots=True)
class Tenancy:
    tenant_id: UUID

    def principals(self, numbers: Iterable[int]) -> frozenset[str]:
        return frozenset(principal(number) for number in numbers)


def principal(number: int) -> str:
    return f"group:{name('principal', number)}"


async def prepare(database: Database, superuser_url: str, made: Crowd) -> Tenancy:
    """Written past the service, for it is the searching that is measured."""
    tenant = await create_tenant(database, f"crowd-{new_id().hex[-8:]}", "Crowd")
    key, blob = new_id(), new_id()
    with psycopg.connect(superuser_url.replace("+psycopg", "")) as connection:
        own = tenant.id
        _copy(connection, "data_keys", ("tenant_id", "id", "wrapped"), [(own, key, b"")])
        _copy(
            connection,
            "blobs",
            ("tenant_id", "id", "key_id", "media_type", "size", "sha256"),
            [(own, blob, key, "text/plain", 1, "")],
        )
        _copy(
            connection,
            "collections",
            ("tenant_id", "id", "name"),
            [(own, name("collection", number), f"Collection {number}") for number in range(COLLECTIONS)],
        )
        _copy(
            connection,
            "documents",
            ("tenant_id", "id", "collection_id", "name", "media_type", "size", "sha256", "blob_id", "status"),
            [
                (own, name("document", number), name("collection", made.collection_of(number)), "a.txt",
                 "text/plain", 1, "", blob, "ready")
                for number in range(made.documents)
            ],
        )  # fmt: skip
        _copy(
            connection,
            "grants",
            ("tenant_id", "id", "resource_type", "resource_id", "principal", "effect"),
            [
                (own, new_id(), grant.resource, grant.resource_id, principal(grant.principal), grant.effect)
                for grant in made.grants()
            ],
        )
        _copy(connection, "chunk_heads", ("tenant_id", "seq"), [(own, len(made.vectors))])
    with psycopg.connect(superuser_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return Tenancy(tenant.id)


def _copy(
    connection: psycopg.Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]
) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)
