"""The rows behind a crowd: tenant, people, collections, documents, grants and the log's head, in PostgreSQL."""

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
    """`people` are the callers in their order."""

    tenant_id: UUID
    people: tuple[UUID, ...]


def principal(number: int) -> str:
    return f"group:{name('principal', number)}"


async def prepare(
    database: Database, superuser_url: str, made: Crowd, callers: Sequence[Sequence[int]]
) -> Tenancy:
    """Written past the service, for it is the searching that is measured. Each principal is a group, each caller
    a person who is in some of them."""
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
        people = _people(connection, own, callers)
        _copy(connection, "chunk_heads", ("tenant_id", "seq"), [(own, len(made.vectors))])
    with psycopg.connect(superuser_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return Tenancy(tenant.id, people)


def _people(
    connection: psycopg.Connection, tenant_id: UUID, callers: Sequence[Sequence[int]]
) -> tuple[UUID, ...]:
    numbers = sorted({number for caller in callers for number in caller})
    groups = [(tenant_id, name("principal", number), f"Group {number}") for number in numbers]
    _copy(connection, "groups", ("tenant_id", "id", "name"), groups)
    return tuple(
        add_person(connection, tenant_id, [name("principal", number) for number in caller])
        for caller in callers
    )


def add_person(connection: psycopg.Connection, tenant_id: UUID, groups: Iterable[UUID]) -> UUID:
    """Someone who reads documents as a member of these groups."""
    person = new_id()
    email = f"{person}@example.com"
    _copy(connection, "users", ("tenant_id", "id", "email", "name"), [(tenant_id, person, email, "Ada")])
    rows = [(tenant_id, group, person) for group in groups]
    _copy(connection, "group_members", ("tenant_id", "group_id", "user_id"), rows)
    connection.execute(
        "INSERT INTO role_assignments (tenant_id, user_id, role_id)"
        " SELECT tenant_id, %s, id FROM roles WHERE tenant_id = %s AND name = 'member'",
        (person, tenant_id),
    )
    return person


def add_groups(connection: psycopg.Connection, tenant_id: UUID, documents: Sequence[UUID]) -> list[UUID]:
    """A group for each document, which it opens to the group."""
    groups = [new_id() for _ in documents]
    named = [(tenant_id, group, f"Group of {group}") for group in groups]
    _copy(connection, "groups", ("tenant_id", "id", "name"), named)
    columns = ("tenant_id", "id", "resource_type", "resource_id", "principal", "effect")
    rows = [
        (tenant_id, new_id(), "document", document, f"group:{group}", "allow")
        for group, document in zip(groups, documents, strict=True)
    ]
    _copy(connection, "grants", columns, rows)
    return groups


def _copy(
    connection: psycopg.Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]
) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)
