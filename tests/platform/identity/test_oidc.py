"""Sign-in through an identity provider: the honest way, and the ways round that must end without a session."""

import asyncio
import time
from uuid import UUID

import httpx
import pytest
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import func, select

from secretariat.platform.identity.callers import SESSION_COOKIE
from secretariat.platform.tables.audit import AuditRecord
from secretariat.platform.tables.identity import ExternalIdentity, User
from tests.support.factories import browser, make_user
from tests.support.journeys import CALLBACK, Journey
from tests.support.providers import CLIENT_ID, CLIENT_SECRET, LoopbackProvider, signed_with


async def test_a_newcomer_is_signed_in_with_the_default_role(journey, client, provider):
    answer = await journey.complete(client, "/tasks")
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == "/tasks"
    session = (await client.get("/api/v1/session")).json()
    assert session["user"]["email"] == provider.email
    assert session["user"]["name"] == "New Comer"
    assert session["roles"] == ["member"]
    assert await journey.sessions() == 1
    assert len(provider.verified) == 1


async def test_the_sign_in_page_lists_the_connection(journey, client):
    options = (await client.get(f"/api/v1/sign-in/{journey.tenant.slug}")).json()
    assert [choice["start_url"] for choice in options["connections"]] == [journey.start]


async def test_the_second_sign_in_finds_the_same_person_by_subject(journey, client, provider, database):
    await journey.complete(client)
    first = (await client.get("/api/v1/session")).json()["user"]["id"]
    provider.email = "renamed@example.com"
    await journey.complete(client)
    assert (await client.get("/api/v1/session")).json()["user"]["id"] == first
    async with database.tenant(journey.tenant.id) as session:
        assert await session.scalar(select(func.count()).select_from(ExternalIdentity)) == 1


async def test_an_existing_account_is_not_handed_over_for_its_address(journey, client, provider, database):
    user = await make_user(database, journey.tenant, "owner")
    provider.email = user.email.upper()
    answer = await journey.complete(client)
    assert answer.status_code == 409
    assert "administrator" in answer.json()["detail"]
    assert await journey.sessions() == 0


async def test_a_disabled_person_stays_out(journey, client, database):
    await journey.complete(client)
    user_id = (await client.get("/api/v1/session")).json()["user"]["id"]
    async with database.tenant(journey.tenant.id) as session:
        user = (await session.scalars(select(User).where(User.id == UUID(user_id)))).one()
        user.status = "disabled"
    assert (await journey.complete(client)).status_code == 400
    assert await journey.last_reason() == "user_disabled"
    assert await journey.sessions() == 1


async def test_the_address_may_come_from_userinfo(journey, client, provider):
    provider.email, provider.userinfo = None, {"email": "from-userinfo@example.com"}
    assert (await journey.complete(client)).status_code == 303


async def test_an_elliptic_key_is_fine_too(journey, client, provider):
    key = ECKey.generate_key("P-256", {"kid": "curve"})
    provider.published = [key.as_dict(private=False)]
    provider.sign = signed_with(key, "ES256", kid="curve")
    assert (await journey.complete(client)).status_code == 303


async def test_new_keys_are_fetched_at_the_first_token_that_needs_them(journey, client, provider):
    assert (await journey.complete(client)).status_code == 303
    provider.asked.clear()
    provider.key = RSAKey.generate_key(2048, {"kid": f"rotated-{time.time_ns()}"})
    assert (await journey.complete(client)).status_code == 303
    assert provider.asked.count("/jwks") == 1


async def test_success_and_refusal_are_both_on_record(journey, client, provider, database):
    await journey.complete(client)
    provider.claims = {"nonce": "someone else's"}
    await journey.complete(client)
    async with database.tenant(journey.tenant.id) as session:
        rows = list(
            await session.scalars(
                select(AuditRecord)
                .where(AuditRecord.action.in_(["session.create", "user.provision"]))
                .order_by(AuditRecord.id)
            )
        )
    assert [(row.action, row.outcome) for row in rows] == [
        ("user.provision", "success"),
        ("session.create", "success"),
        ("session.create", "denied"),
    ]
    assert rows[-1].details["reason"] == "id_token_nonce"


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/%0d%0aSet-Cookie:x=1\r\nx",
        "/\tevil",
        "tasks",
        "/auth/link?token=x",
    ],
)
async def test_the_way_back_never_leaves_the_console(journey, client, wanted):
    answer = await journey.complete(client, wanted)
    assert answer.headers["location"] == "/"


async def refusal(journey: Journey, client: httpx.AsyncClient, params: dict[str, str]) -> str | None:
    answer = await client.get(CALLBACK, params=params)
    assert 400 <= answer.status_code < 500, answer.text
    assert SESSION_COOKIE not in client.cookies
    assert await journey.sessions() == 0
    return await journey.last_reason()


async def test_no_state_and_a_made_up_state(journey, client):
    answer = await journey.begin(client)
    assert await refusal(journey, client, {"code": answer["code"]}) is None
    tenant_hex, state_hex, _ = answer["state"].split(".")
    made_up = f"{tenant_hex}.{state_hex}.{'A' * 43}"
    assert await refusal(journey, client, {**answer, "state": made_up}) == "state_unknown"


async def test_a_state_is_good_once(journey, client, app):
    answer = await journey.begin(client)
    cookies = list(client.cookies.jar)
    assert (await client.get(CALLBACK, params=answer)).status_code == 303
    async with browser(app) as again:
        for cookie in cookies:
            again.cookies.jar.set_cookie(cookie)
        replay = await again.get(CALLBACK, params=answer)
        assert replay.status_code == 400
    assert await journey.sessions() == 1


async def test_a_state_of_another_browser(journey, client, app):
    """Login CSRF: a link with the attacker's code must not sign the victim in as the attacker."""
    answer = await journey.begin(client)
    async with browser(app) as victim:
        assert await refusal(journey, victim, answer) == "state_of_another_browser"
        await journey.begin(victim)
        answer = await journey.begin(client)
        assert await refusal(journey, victim, answer) == "state_of_another_browser"


async def test_a_code_of_another_sign_in(journey, client, app):
    """PKCE: a stolen code is worthless without the verifier of the sign-in that it came from."""
    async with browser(app) as other:
        stolen = await journey.begin(other)
    answer = await journey.begin(client)
    assert await refusal(journey, client, {**answer, "code": stolen["code"]}) == "provider_refused"


async def test_nobody_fills_the_audit_log_with_made_up_answers(journey, client, database, monkeypatch):
    monkeypatch.setattr("secretariat.platform.identity.sign_in.FAILURES_OF_ADDRESS", 5)
    made_up = f"{journey.tenant.id.hex}.{'0' * 32}.{'A' * 43}"
    answers = [await client.get(CALLBACK, params={"state": made_up, "code": "x"}) for _ in range(8)]
    assert [answer.status_code for answer in answers] == [400] * 5 + [429] * 3
    async with database.tenant(journey.tenant.id) as session:
        query = select(func.count()).where(AuditRecord.outcome == "denied")
        assert await session.scalar(query) == 5


async def test_made_up_answers_at_the_same_time_do_not_fill_the_log(journey, client, database):
    begun = (await journey.begin(client))["state"].split(".")
    made_up = f"{begun[0]}.{begun[1]}.{'A' * 43}"
    params = {"state": made_up, "code": "x"}
    answers = await asyncio.gather(*(client.get(CALLBACK, params=params) for _ in range(25)))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(400), statuses.count(429)) == (10, 15)
    async with database.tenant(journey.tenant.id) as session:
        denied = select(func.count()).where(AuditRecord.outcome == "denied")
        assert await session.scalar(denied) == 10


async def test_no_code_and_an_error_of_the_provider(journey, client):
    answer = await journey.begin(client)
    assert await refusal(journey, client, {"state": answer["state"]}) == "code_missing"
    answer = await journey.begin(client)
    params = {"state": answer["state"], "error": "access_denied", "error_description": "<script>"}
    assert await refusal(journey, client, params) == "provider_error:access_denied"


@pytest.mark.parametrize("iss", ["https://evil.example", "{issuer}/", ""])
async def test_an_answer_in_the_name_of_another_issuer(journey, client, provider, iss):
    answer = await journey.begin(client)
    given = iss.replace("{issuer}", provider.issuer)
    assert await refusal(journey, client, {**answer, "iss": given}) == "iss_mismatch"


async def test_a_provider_that_names_itself_must_do_so(
    app, database, owner, tenant, client, provider: LoopbackProvider
):
    provider.sends_iss = True
    body = {
        "name": "RFC 9207",
        "issuer": provider.issuer,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }
    made = (await owner.client.post("/api/v1/connections", json=body)).json()
    journey = Journey(app, database, tenant, UUID(made["id"]), provider)
    assert (await journey.complete(client)).status_code == 303
    client.cookies.clear()
    answer = await journey.begin(client)
    del answer["iss"]
    refused = await client.get(CALLBACK, params=answer)
    assert refused.status_code == 400
    assert await journey.last_reason() == "iss_missing"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"issuer": "https://evil.example"}, "discovery_issuer_mismatch"),
        ({"token_endpoint": "http://evil.example/token"}, "discovery_insecure_address"),
        ({"jwks_uri": "file:///etc/passwd"}, "discovery_insecure_address"),
        ({"jwks_uri": None}, "discovery_without_jwks_uri"),
        ({"padding": "x" * 300_000}, "answer_too_large"),
    ],
)
async def test_a_discovery_document_that_points_elsewhere(journey, client, provider, document, reason):
    provider.document = document
    answer = await client.get(journey.start)
    assert answer.status_code == 400
    assert answer.json()["code"] == "SSO_FAILED"
    assert "location" not in answer.headers


async def test_a_provider_that_is_wrong_is_not_asked_again_for_every_start(journey, client, provider):
    provider.document = {"jwks_uri": None}
    answers = [await client.get(journey.start) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [400] * 5
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert provider.asked == ["/.well-known/openid-configuration"]


async def test_the_connection_of_another_tenant_is_unknown(journey, client, other_tenant):
    foreign = await client.get(f"/auth/oidc/{other_tenant.id}/{journey.connection_id}/start")
    unknown = await client.get(f"/auth/oidc/{other_tenant.id}/{other_tenant.id}/start")
    assert foreign.status_code == unknown.status_code == 404
    same = {"instance": "", "request_id": ""}
    assert {**foreign.json(), **same} == {**unknown.json(), **same}


async def test_a_disabled_connection_takes_nobody_in(journey, client, owner):
    answer = await journey.begin(client)
    path = f"/api/v1/connections/{journey.connection_id}"
    assert (await owner.client.patch(path, json={"enabled": False})).status_code == 200
    assert await refusal(journey, client, answer) == "state_unknown"
    assert (await client.get(journey.start)).status_code == 404


async def test_the_client_secret_is_never_shown_or_stored_in_clear(journey, owner, postgres):
    shown = await owner.client.get("/api/v1/connections")
    assert CLIENT_SECRET not in shown.text
    with postgres.connect(postgres.superuser_url) as connection:
        rows = connection.execute("SELECT sealed FROM contents").fetchall()
        assert all(CLIENT_SECRET.encode() not in bytes(sealed) for (sealed,) in rows)
