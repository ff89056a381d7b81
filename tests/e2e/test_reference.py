"""The API reference on a telephone."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from playwright.sync_api import Page, Route
from starlette.testclient import TestClient

from secretariat.platform.docs_page import mount_docs

DOCUMENT = Path(__file__).parents[2] / "console" / "openapi.json"
ADDRESS = "http://reference.test"

pytestmark = pytest.mark.browser


def test_nothing_is_wider_than_the_screen(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    app = FastAPI(docs_url=None)
    document = json.loads(DOCUMENT.read_text())
    monkeypatch.setattr(app, "openapi", lambda: document)
    mount_docs(app)
    client = TestClient(app)

    def give(route: Route) -> None:
        found = client.get(urlsplit(route.request.url).path)
        route.fulfill(body=found.content, content_type=found.headers["content-type"])

    page.route(f"{ADDRESS}/**", give)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{ADDRESS}/docs")
    assert page.evaluate("getComputedStyle(document.querySelector('summary')).cursor") == "pointer"
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
