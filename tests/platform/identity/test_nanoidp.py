"""The same code flow against an identity provider that others wrote."""

import re

import httpx

from tests.support.app import BASE_URL
from tests.support.factories import browser
from tests.support.nanoidp import running_nanoidp


async def test_sign_in_through_nanoidp(app, owner, tenant):
    with running_nanoidp(f"{BASE_URL}/auth/oidc/callback") as idp:
        connection = {
            "name": "nanoidp",
            "issuer": idp.issuer,
            "client_id": idp.client_id,
            "client_secret": idp.client_secret,
            "default_role": "builder",
        }
        made = await owner.client.post("/api/v1/connections", json=connection)
        assert made.status_code == 201, made.text
        async with browser(app) as client, httpx.AsyncClient() as outside:
            start = f"/auth/oidc/{tenant.id}/{made.json()['id']}/start"
            departure = await client.get(start, params={"next": "/documents"})
            login_url = departure.headers["location"]
            page = await outside.get(login_url)
            hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
            person = {"username": idp.username, "password": idp.password}
            agreed = await outside.post(login_url, data=hidden | person)
            assert agreed.status_code in (302, 303), agreed.text
            back = agreed.headers["location"]
            assert back.startswith(f"{BASE_URL}/auth/oidc/callback?")
            arrived = await client.get(back)
            assert arrived.status_code == 303, arrived.text
            assert arrived.headers["location"] == "/documents"
            session = (await client.get("/api/v1/session")).json()
            assert session["user"]["email"] == idp.email
            assert session["roles"] == ["builder"]
            assert (await client.get(back)).status_code == 400
