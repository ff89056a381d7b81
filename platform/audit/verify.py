"""Whether a tenant's chain, as the database holds it now, is whole."""

from dataclasses import dataclass
from datetime import datetime

from secretariat.platform.audit import repository
from secretariat.platform.audit.chain import Break, first_break, genesis
from secretariat.platform.db.session import TenantSession


@dataclass(frozen=True, slots=True)
class Verdict:
    """`records` counts the links that hold; `unsealed` those that wait for their seal."""

    verified: bool
    records: int
    head_seq: int
    head_hash: str
    head_at: datetime | None
    unsealed: int
    first_bad: Break | None


async def verify(session: TenantSession, from_seq: int = 1, to_seq: int | None = None) -> Verdict:
    """Recompute every link of the range and compare the last with the head, link by link in little memory."""
    last_seal = await repository.last_seq(session)  # before the head: a sealer at work only moves the head on
    head = await repository.head(session)
    head_seq = head.seq if head else 0
    head_hash = head.hash if head else genesis(session.tenant_id)
    last = min(to_seq or head_seq, head_seq)
    before = genesis(session.tenant_id) if from_seq == 1 else await repository.hash_at(session, from_seq - 1)
    count, last_hash, broken = 0, before or "", None
    async for link in repository.links(session, from_seq, last):
        held, last_hash, broken = first_break([link], last_hash, from_seq + count)
        count += held
        if broken is not None:
            break
    if broken is None and count != max(last - from_seq + 1, 0):
        broken = Break(from_seq + count, "the record or its seal is missing")
    if broken is None and last == head_seq and last_hash != head_hash and count:
        broken = Break(head_seq, "the head does not match the last record")
    if broken is None and last_seal > head_seq:
        broken = Break(head_seq + 1, "a sealed record lies beyond the head")
    if broken is None and await repository.stray_count(session):
        broken = Break(head_seq + 1, "a record neither has a seal nor waits for one")
    return Verdict(
        verified=broken is None,
        records=count,
        head_seq=head_seq,
        head_hash=head_hash,
        head_at=head.at if head else None,
        unsealed=await repository.pending_count(session),
        first_bad=broken,
    )
