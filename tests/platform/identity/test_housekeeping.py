"""What is swept, and that the living stays."""

from datetime import timedelta

from sqlalchemy import func, select, update

from secretariat.platform.identity.credentials import Credential
from secretariat.platform.identity.housekeeping import sweep
from secretariat.platform.identity.sessions import create_sign_in_link, open_session
from secretariat.platform.kit.times import now
from secretariat.platform.tables.contents import Content
from secretariat.platform.tables.identity import LoginState, SignInLink, SignInSession
from secretariat.platform.tables.jobs import IdempotencyKey
from tests.support.factories import make_user


async def counted(session, table) -> int:
    return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_sessions_go_thirty_days_after_their_end(database, services, tenant):
    user = await make_user(database, tenant)
    ages = {"living": -1, "just over": 29, "long over": 31}
    async with database.tenant(tenant.id) as session:
        for name, days in ages.items():
            opened = await open_session(session, services, user, "password", ip=None, user_agent=name)
            opened.session.expires_at = now() - timedelta(days=days)
    async with database.tenant(tenant.id) as session:
        await sweep(session)
        left = set(await session.scalars(select(SignInSession.user_agent)))
    assert left == {"living", "just over"}


async def test_links_go_a_day_after_they_ended(database, services, tenant):
    user = await make_user(database, tenant)
    async with database.tenant(tenant.id) as session:
        tokens = [await create_sign_in_link(session, services, user) for _ in range(4)]
        living, fresh, expired, used = (Credential.from_cookie(token).id for token in tokens)  # type: ignore[union-attr]
        for link, values in (
            (fresh, {"used_at": now()}),
            (expired, {"expires_at": now() - timedelta(hours=25)}),
            (used, {"used_at": now() - timedelta(hours=25)}),
        ):
            await session.execute(update(SignInLink).where(SignInLink.id == link).values(**values))
    async with database.tenant(tenant.id) as session:
        await sweep(session)
        assert set(await session.scalars(select(SignInLink.id))) == {living, fresh}


async def test_sign_ins_that_were_left_go_with_their_secrets(journey, client, database, tenant):
    await journey.begin(client)
    await journey.begin(client)
    async with database.tenant(tenant.id) as session:
        await sweep(session)
        assert await counted(session, LoginState) == 2
        secrets = list(await session.scalars(select(LoginState.secret_id)))
        await session.execute(update(LoginState).values(expires_at=now() - timedelta(seconds=1)))
        await sweep(session)
        assert await counted(session, LoginState) == 0
        assert (await session.scalars(select(Content).where(Content.id.in_(secrets)))).all() == []


async def test_answers_go_after_a_day(owner, database, tenant):
    for name in ("Old", "New"):
        made = await owner.client.post(
            "/api/v1/groups", json={"name": name}, headers={"Idempotency-Key": name}
        )
        assert made.status_code == 201
    async with database.tenant(tenant.id) as session:
        contents = await counted(session, Content)
        await session.execute(
            update(IdempotencyKey)
            .where(IdempotencyKey.key == "Old")
            .values(created_at=now() - timedelta(hours=25))
        )
        await sweep(session)
        assert list(await session.scalars(select(IdempotencyKey.key))) == ["New"]
        assert await counted(session, Content) == contents - 1


async def test_another_tenants_are_not_touched(database, services, tenant, other_tenant):
    user = await make_user(database, other_tenant)
    async with database.tenant(other_tenant.id) as session:
        opened = await open_session(session, services, user, "password", ip=None, user_agent=None)
        opened.session.expires_at = now() - timedelta(days=31)
    async with database.tenant(tenant.id) as session:
        await sweep(session)
    async with database.tenant(other_tenant.id) as session:
        assert await counted(session, SignInSession) == 1
