"""One effect for one key, whatever the network does."""

import asyncio
import hashlib
import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from secretariat.platform.kit.times import now
from secretariat.platform.tables.contents import Content
from secretariat.platform.tables.jobs import IdempotencyKey
from tests.support.factories import make_person, sign_in

KEY = {"Idempotency-Key": "order-66"}


async def names(client) -> list[str]:
    return [group["name"] for group in (await client.get("/api/v1/groups")).json()["data"]]


async def test_the_second_request_gets_the_first_answer(owner):
    first = await owner.client.post("/api/v1/groups", json={"name": "Once"}, headers=KEY)
    second = await owner.client.post("/api/v1/groups", json={"name": "Once"}, headers=KEY)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert await names(owner.client) == ["Once"]


async def test_another_request_under_the_same_key_is_refused(owner):
    await owner.client.post("/api/v1/groups", json={"name": "One"}, headers=KEY)
    other = await owner.client.post("/api/v1/groups", json={"name": "Two"}, headers=KEY)
    assert other.status_code == 422
    assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert await names(owner.client) == ["One"]


async def test_of_many_at_once_one_acts(owner):
    answers = await asyncio.gather(
        *(owner.client.post("/api/v1/groups", json={"name": "Race"}, headers=KEY) for _ in range(8))
    )
    statuses = {answer.status_code for answer in answers}
    assert statuses <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    refused = [answer for answer in answers if answer.status_code == 409]
    assert all(answer.json()["code"] == "IDEMPOTENCY_KEY_IN_FLIGHT" for answer in refused)
    assert await names(owner.client) == ["Race"]


async def test_a_refused_request_leaves_its_key_free(owner):
    await owner.client.post("/api/v1/groups", json={"name": "Taken"})
    refused = await owner.client.post("/api/v1/groups", json={"name": "Taken"}, headers=KEY)
    assert refused.status_code == 409
    assert (await owner.client.post("/api/v1/groups", json={"name": "Free"}, headers=KEY)).status_code == 201


async def test_keys_belong_to_one_person_and_one_route(owner, app, services, tenant):
    admin = await make_person(app, services, tenant, "admin")
    await owner.client.post("/api/v1/groups", json={"name": "Mine"}, headers=KEY)
    assert (await admin.client.post("/api/v1/groups", json={"name": "Yours"}, headers=KEY)).status_code == 201
    role = {"name": "Mine", "permissions": []}
    assert (await owner.client.post("/api/v1/roles", json=role, headers=KEY)).status_code == 201
    await admin.client.aclose()


async def test_a_key_holds_for_a_day(owner, database, tenant):
    await owner.client.post("/api/v1/groups", json={"name": "Today"}, headers=KEY)
    async with database.tenant(tenant.id) as session:
        kept = await session.scalar(select(IdempotencyKey.response_id))
        await session.execute(update(IdempotencyKey).values(created_at=now() - timedelta(hours=25)))
    later = await owner.client.post("/api/v1/groups", json={"name": "Tomorrow"}, headers=KEY)
    assert later.status_code == 201
    async with database.tenant(tenant.id) as session:
        assert len((await session.scalars(select(IdempotencyKey))).all()) == 1
        assert await session.scalar(select(Content).where(Content.id == kept)) is None


async def test_a_secret_that_is_shown_once_is_not_shown_again(owner, database, tenant):
    body = {"name": "k", "permissions": []}
    made = await owner.client.post("/api/v1/keys", json=body, headers=KEY)
    again = await owner.client.post("/api/v1/keys", json=body, headers=KEY)
    assert (made.status_code, again.status_code) == (201, 409)
    assert again.json()["code"] == "IDEMPOTENCY_ANSWER_NOT_KEPT"
    assert made.json()["secret"] not in again.text
    assert len((await owner.client.get("/api/v1/keys")).json()["data"]) == 1
    other = await owner.client.post("/api/v1/keys", json=body | {"name": "other"}, headers=KEY)
    assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"
    async with database.tenant(tenant.id) as session:
        assert (await session.scalars(select(IdempotencyKey.response_id))).all() == [None]


async def test_the_hash_of_a_request_does_not_tell_its_password(owner, database, tenant):
    body = json.dumps({"email": "ada@example.com", "name": "Ada", "password": "a good long one"}).encode()
    headers = KEY | {"content-type": "application/json"}
    assert (await owner.client.post("/api/v1/users", content=body, headers=headers)).status_code == 201
    async with database.tenant(tenant.id) as session:
        kept = await session.scalar(select(IdempotencyKey.request_sha256))
    assert kept not in {hashlib.sha256(before + body).hexdigest() for before in (b"", b"\x00")}


async def test_kept_answers_are_encrypted(owner, postgres):
    made = await owner.client.post("/api/v1/groups", json={"name": "canary-of-an-answer"}, headers=KEY)
    assert made.status_code == 201
    secret = "canary-of-an-answer"
    with postgres.connect(postgres.superuser_url) as connection:
        for table in ("contents", "idempotency_keys"):
            stored = connection.execute(f"SELECT t::text FROM {table} t").fetchall()
            assert all(secret not in row and secret.encode().hex() not in row for (row,) in stored)


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_keys_have_a_sensible_length(owner, key):
    answer = await owner.client.post("/api/v1/groups", json={"name": "N"}, headers={"Idempotency-Key": key})
    assert answer.status_code == 422


async def test_another_session_of_the_same_person_may_repeat(owner, app, services):
    first = await owner.client.post("/api/v1/groups", json={"name": "Phone"}, headers=KEY)
    other = await sign_in(app, services, owner.user)
    second = await other.post("/api/v1/groups", json={"name": "Phone"}, headers=KEY)
    assert second.json() == first.json()
    await other.aclose()
