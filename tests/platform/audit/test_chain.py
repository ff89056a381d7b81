"""The chain holds for what was written and breaks for anything else."""

import asyncio
from uuid import UUID

import pytest
from rfc8785 import CanonicalizationError
from sqlalchemy.exc import ProgrammingError

from secretariat.platform.audit.event import SYSTEM, AuditEvent, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.audit.sealer import keep_sealing, seal_tenant
from secretariat.platform.audit.verify import Verdict, verify
from secretariat.platform.services import Services
from secretariat.platform.tables.tenants import Tenant
from tests.support.postgres import Postgres


async def write(services: Services, tenant: Tenant, count: int = 1) -> list[UUID]:
    async with services.database.tenant(tenant.id) as session:
        return [
            await record(
                session,
                AuditEvent(
                    "SYSTEM", "test.happened", SYSTEM, resource=Resource("test", str(n)), details={"n": n}
                ),
            )
            for n in range(count)
        ]


async def verdict(services: Services, tenant: Tenant) -> Verdict:
    async with services.database.tenant(tenant.id) as session:
        return await verify(session)


async def test_what_is_sealed_verifies(services: Services, tenant: Tenant) -> None:
    await write(services, tenant, 5)
    before = await verdict(services, tenant)
    assert before.unsealed >= 5
    await seal_tenant(services.database, tenant.id)
    after = await verdict(services, tenant)
    assert after.verified
    assert (after.unsealed, after.head_seq) == (0, after.records)
    assert after.records >= 5


async def test_many_sealers_at_once_leave_no_gap_and_no_double(services: Services, tenant: Tenant) -> None:
    await asyncio.gather(*(write(services, tenant, 3) for _ in range(8)))
    await asyncio.gather(*(seal_tenant(services.database, tenant.id) for _ in range(4)))
    after = await verdict(services, tenant)
    assert after.verified
    assert after.records >= 24
    assert after.unsealed == 0


async def test_the_sealer_is_at_most_a_second_behind(services: Services, tenant: Tenant) -> None:
    sealing = asyncio.create_task(keep_sealing(services.database, 0.1))
    await write(services, tenant)
    for _ in range(100):
        if (await verdict(services, tenant)).unsealed == 0:
            break
        await asyncio.sleep(0.01)
    else:
        pytest.fail("not sealed within a second")
    sealing.cancel()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_records SET action = 'nothing'",
        "DELETE FROM audit_records",
        "UPDATE audit_seals SET hash = ''",
        "DELETE FROM audit_seals",
        "TRUNCATE audit_records CASCADE",
    ],
)
async def test_the_service_itself_can_neither_change_nor_delete_evidence(
    services: Services, tenant: Tenant, statement: str
) -> None:
    from sqlalchemy import text

    with pytest.raises(ProgrammingError, match="permission denied|must be owner"):
        async with services.database.tenant(tenant.id) as session:
            await session.execute(text(statement))


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        ("UPDATE audit_records SET details = '{\"n\": 99}' WHERE id = '{second}'", "changed after"),
        ("UPDATE audit_records SET time = time + interval '1 hour' WHERE id = '{second}'", "changed after"),
        ("DELETE FROM audit_seals WHERE record_id = '{second}'", "stands where"),
        ("UPDATE audit_seals SET hash = repeat('0', 64) WHERE record_id = '{second}'", "changed after"),
        (
            "DELETE FROM audit_seals WHERE seq = (SELECT max(seq) FROM audit_seals WHERE tenant_id = '{tenant}')",
            "miss",
        ),
    ],
)
async def test_what_an_administrator_of_the_database_changes_is_found(
    services: Services, tenant: Tenant, postgres: Postgres, attack: str, reason: str
) -> None:
    _, second, *_ = await write(services, tenant, 4)
    await seal_tenant(services.database, tenant.id)
    statement = attack.replace("{second}", str(second)).replace("{tenant}", str(tenant.id))
    if "max(seq)" in statement:
        statement += f" AND tenant_id = '{tenant.id}'"
    with postgres.connect(postgres.superuser_url) as connection:
        connection.execute(statement.encode())
    broken = await verdict(services, tenant)
    assert not broken.verified
    assert broken.first_bad is not None
    assert reason in broken.first_bad.reason


async def test_an_action_whose_record_can_not_be_written_does_not_happen(
    services: Services, tenant: Tenant
) -> None:
    from secretariat.platform.kit.ids import new_id
    from secretariat.platform.tables.access import Role

    role_id = new_id()
    with pytest.raises(Exception, match="violates check constraint"):
        async with services.database.tenant(tenant.id) as session:
            session.add(Role(tenant_id=tenant.id, id=role_id, name="ghost", permissions=[]))
            await record(session, AuditEvent("ADMIN", "role.create", SYSTEM, outcome="unheard of"))  # type: ignore[arg-type]
    async with services.database.tenant(tenant.id) as session:
        assert await session.get(Role, (tenant.id, role_id)) is None


async def test_what_could_not_be_sealed_is_not_recorded(services: Services, tenant: Tenant) -> None:
    with pytest.raises(CanonicalizationError):
        async with services.database.tenant(tenant.id) as session:
            await record(session, AuditEvent("SYSTEM", "test.happened", SYSTEM, details={"n": 2**60}))


async def test_one_tenants_broken_log_does_not_stop_the_others(
    services: Services, tenant: Tenant, other_tenant: Tenant, postgres: Postgres
) -> None:
    await write(services, tenant)
    await write(services, other_tenant)
    with postgres.connect(postgres.superuser_url) as superuser:
        superuser.execute(
            "UPDATE audit_records SET details = '{\"n\": 1152921504606846976}' WHERE tenant_id = %s",
            [tenant.id],
        )
    sealing = asyncio.create_task(keep_sealing(services.database, 0.02))
    try:
        async with asyncio.timeout(20):
            while (await verdict(services, other_tenant)).unsealed:
                await asyncio.sleep(0.02)
    finally:
        sealing.cancel()
    assert (await verdict(services, tenant)).unsealed > 0


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        ("DELETE FROM audit_heads WHERE tenant_id = %s", "beyond the head"),
        ("UPDATE audit_heads SET seq = seq - 1 WHERE tenant_id = %s", ""),
    ],
)
async def test_a_head_set_back_is_named(
    services: Services, tenant: Tenant, postgres: Postgres, deed: str, reason: str
) -> None:
    await write(services, tenant, 3)
    await seal_tenant(services.database, tenant.id)
    with postgres.connect(postgres.superuser_url) as superuser:
        superuser.execute(deed, [tenant.id])
    found = await verdict(services, tenant)
    assert found.first_bad is not None
    assert reason in found.first_bad.reason


async def test_a_record_taken_out_of_the_queue_is_missed(
    services: Services, tenant: Tenant, postgres: Postgres
) -> None:
    await write(services, tenant, 2)
    with postgres.connect(postgres.superuser_url) as superuser:
        superuser.execute("DELETE FROM audit_pending WHERE tenant_id = %s", [tenant.id])
    found = await verdict(services, tenant)
    assert found.first_bad is not None
    assert "seal" in found.first_bad.reason
