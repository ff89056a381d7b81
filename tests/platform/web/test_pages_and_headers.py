"""What goes with every answer, the console's files, the API reference."""

import re
from pathlib import Path

import pytest

from secretariat.platform.app import create_app
from secretariat.platform.console_files import mount_console
from tests.support.app import make_services
from tests.support.factories import browser


@pytest.fixture
def built(services, tmp_path: Path):
    (tmp_path / "static" / "assets").mkdir(parents=True)
    (tmp_path / "static" / "index.html").write_text("<!doctype html><title>The console</title>")
    (tmp_path / "static" / "assets" / "app-1a2b.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("not served")
    app = create_app(services)
    mount_console(app, tmp_path / "static")
    return app


async def test_every_answer_keeps_browsers_careful(built, anonymous):
    async with browser(built) as client:
        for path in ("/", "/tasks/1", "/assets/app-1a2b.js", "/docs", "/api/v1/session", "/api/v1/nowhere"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "script-src 'self';" in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["x-frame-options"] == "DENY"
            assert "x-request-id" in headers
            assert "server" not in headers


async def test_only_the_consoles_pages_may_bring_style_elements(built):
    async with browser(built) as client:
        for path in ("/", "/tasks/1", "/index.html"):
            policy = (await client.get(path)).headers["content-security-policy"]
            assert "style-src 'self'; style-src-elem 'self' 'unsafe-inline';" in policy
            assert policy.count("unsafe") == 1
        for path in (
            "/assets/app-1a2b.js",
            "/docs",
            "/livez",
            "/api/v1/session",
            "/api/v1/nowhere",
            "/v1/models",
        ):
            assert "unsafe" not in (await client.get(path)).headers["content-security-policy"]


async def test_strict_transport_only_behind_tls(database):
    for secure in (True, False):
        app = create_app(make_services(database, secure_cookies=secure))
        async with browser(app) as client:
            headers = (await client.get("/livez")).headers
            assert ("strict-transport-security" in headers) is secure


async def test_answers_of_the_api_are_not_cached(anonymous):
    assert (await anonymous.get("/api/v1/session")).headers["cache-control"] == "no-store"


async def test_every_path_of_the_console_gives_its_start_page(built):
    async with browser(built) as client:
        for path in ("/", "/tasks", "/documents/123?tab=text", "/sign-in"):
            answer = await client.get(path)
            assert answer.status_code == 200
            assert "The console" in answer.text
            assert answer.headers["cache-control"] == "no-cache"
        asset = await client.get("/assets/app-1a2b.js")
        assert "immutable" in asset.headers["cache-control"]
        assert asset.headers["content-type"].startswith(("text/javascript", "application/javascript"))
        assert (await client.get("/assets/gone.js")).status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_path_that_no_file_system_takes_is_not_found(built, method):
    async with browser(built) as client:
        for path in ("/" + "x" * 300, "/" + "x/" * 3000, "/assets/" + "x" * 300):
            assert (await client.request(method, path)).status_code == 404
        page = await client.request(method, "/tasks")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "//etc/passwd",
        "/assets//etc/passwd",
        "/%00",
    ],
)
async def test_nothing_outside_the_console_is_served(built, path):
    async with browser(built) as client:
        answer = await client.get(path)
        assert "not served" not in answer.text
        assert "root:" not in answer.text


async def test_the_reference_needs_nothing_from_elsewhere(anonymous, app):
    page = (await anonymous.get("/docs")).text
    assert "<script" not in page
    assert not re.search(r'(src|href)="(https?:)?//', page)
    for path in app.openapi()["paths"]:
        assert path in page
    style = await anonymous.get("/docs/style.css")
    assert style.headers["content-type"].startswith("text/css")


async def test_the_openapi_document_is_served_and_whole(anonymous):
    document = (await anonymous.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    referred = set(re.findall(r'"#/components/schemas/([^"]+)"', str(document).replace("'", '"')))
    assert referred <= set(document["components"]["schemas"])
    assert "HTTPValidationError" not in document["components"]["schemas"]
