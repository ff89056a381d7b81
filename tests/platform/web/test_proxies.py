"""Whose word counts for the address that a request comes from."""

import httpx
import pytest

from secretariat.platform.app import create_app, server_config
from secretariat.platform.settings import Settings
from tests.support.app import BASE_URL, make_services


@pytest.mark.parametrize(
    ("trusted", "peer", "status"),
    [
        ("", "127.0.0.1", 401),
        ("10.0.0.1", "127.0.0.1", 401),
        ("127.0.0.1", "127.0.0.1", 429),
        ("10.0.0.0/8, 192.168.0.1", "10.7.7.7", 429),
    ],
)
async def test_a_header_does_not_say_who_is_guessing(database, tenant, trusted, peer, status):
    """Ten wrong passwords from 203.0.113.1 throttle that address if, and only if, a trusted proxy says so."""
    services = make_services(database)
    config = server_config(create_app(services), Settings.model_validate({"trusted_proxies": trusted}))
    config.load()
    transport = httpx.ASGITransport(config.loaded_app, client=(peer, 1234))
    body = {"tenant": tenant.slug, "email": "ada@example.com", "password": "wrong"}
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        for _ in range(10):
            headers = {"x-forwarded-for": "203.0.113.1"}
            assert (await client.post("/api/v1/session", json=body, headers=headers)).status_code == 401
    elsewhere = httpx.ASGITransport(create_app(services), client=("203.0.113.1", 1))
    async with httpx.AsyncClient(transport=elsewhere, base_url=BASE_URL) as client:
        assert (await client.post("/api/v1/session", json=body)).status_code == status
    await services.models.aclose()
