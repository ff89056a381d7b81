"""The chain of seals, as pure functions: the same code seals, verifies on line and verifies an export.

hash_n = SHA-256(canonical JSON (RFC 8785) of {"prev_hash": hash_(n-1), "record": record, "seq": n}), hex;
hash_0 = SHA-256("secretariat-audit:" + tenant id). Changing, dropping, inserting or reordering records
breaks a link. A tail cut off together with its head shows only against a head kept elsewhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from secretariat.platform.kit.canonical import canonical, sha256_hex
from secretariat.platform.kit.times import rfc3339
from secretariat.platform.tables.audit import AuditRecord


@dataclass(frozen=True, slots=True)
class Link:
    """A record with its place in the chain."""

    seq: int
    prev_hash: str
    hash: str
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain does not hold, and why."""

    seq: int
    reason: str


def genesis(tenant_id: UUID) -> str:
    return sha256_hex(f"secretariat-audit:{tenant_id}".encode())


def link_hash(prev_hash: str, seq: int, record: dict[str, Any]) -> str:
    return sha256_hex(canonical({"prev_hash": prev_hash, "record": record, "seq": seq}))


def sealed_form(row: AuditRecord) -> dict[str, Any]:
    """The record as it is sealed and exported."""
    return {
        "schema_version": "1",
        "id": str(row.id),
        "tenant_id": str(row.tenant_id),
        "time": rfc3339(row.time),
        "event_type": row.event_type,
        "action": row.action,
        "outcome": row.outcome,
        "actor": row.actor,
        "resource": row.resource,
        "task_id": str(row.task_id) if row.task_id else None,
        "request_id": row.request_id,
        "details": row.details,
        "content": row.content,
    }


def first_break(
    links: Iterable[Link], expected_prev: str, expected_seq: int
) -> tuple[int, str, Break | None]:
    """(number of links that hold, hash of the last of them, the first break if there is one)."""
    count = 0
    for link in links:
        reason = _fault(link, expected_prev, expected_seq)
        if reason is not None:
            return count, expected_prev, Break(expected_seq, reason)
        expected_prev, expected_seq, count = link.hash, expected_seq + 1, count + 1
    return count, expected_prev, None


def _fault(link: Link, expected_prev: str, expected_seq: int) -> str | None:
    if link.seq != expected_seq:
        return f"number {link.seq} stands where {expected_seq} should"
    if link.prev_hash != expected_prev:
        return "does not continue the record before it"
    if link_hash(link.prev_hash, link.seq, link.record) != link.hash:
        return "the record was changed after it was sealed"
    return None
