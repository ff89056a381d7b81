"""The console as a person uses it: real Chromium, real service, real model."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from secretariat.platform.console_files import STATIC
from tests.support.nanoidp import running_nanoidp
from tests.support.stack import RunningStack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (STATIC / "index.html").exists(), reason="run `make console` to build the console"
    ),
]

NOTES = """# Ferry to the island

The ferry to the island leaves at seven every morning. A ticket for the ferry costs nine euros.

# Lighthouse

The lighthouse was built in 1874. It is painted every five years.
"""


@pytest.fixture
def signed_in(page: Page, running_stack: RunningStack) -> Page:
    page.goto(running_stack.sign_in_link())
    expect(page.get_by_role("heading", name="Tasks", exact=True)).to_be_visible()
    return page


def test_a_document_a_task_and_its_evidence(
    signed_in: Page, running_stack: RunningStack, tmp_path: Path
) -> None:
    page, notes = signed_in, tmp_path / "harbour.md"
    notes.write_text(NOTES)
    page.goto(f"{running_stack.base_url}/documents")
    page.get_by_role("button", name="New collection").first.click()
    page.get_by_role("dialog").get_by_label("Name").fill("Harbour")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.locator("input[type=file]").set_input_files(notes)
    row = page.get_by_role("row", name="harbour.md")
    expect(row.get_by_text("Ready")).to_be_visible(timeout=30_000)
    row.get_by_role("link").first.click()
    expect(
        page.get_by_role("dialog").get_by_text("The ferry to the island leaves at seven").first
    ).to_be_visible()

    page.goto(f"{running_stack.base_url}/tasks")
    page.get_by_label("What should be done?").fill("When does the ferry to the island leave?")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_test_id("timeline")).to_be_visible(timeout=60_000)
    answer = page.get_by_test_id("answer")
    expect(answer).to_contain_text("seven", timeout=90_000)
    citation = page.get_by_test_id("citation").first
    citation.click()
    expect(page.get_by_test_id("quote")).to_contain_text("ferry")
    page.keyboard.press("Escape")

    page.goto(f"{running_stack.base_url}/audit")
    expect(page.get_by_test_id("verify-badge")).to_contain_text("Verified", timeout=20_000)
    page.get_by_role("row", name="PROMPT").first.get_by_role("link").first.click()
    expect(page.get_by_test_id("integrity")).to_be_visible()
    expect(page.get_by_test_id("held-content")).not_to_contain_text("ferry")
    page.get_by_test_id("reveal").click()
    expect(page.get_by_test_id("held-content")).to_contain_text("ferry")


def test_a_wrong_kind_of_file_is_refused_in_words(
    signed_in: Page, running_stack: RunningStack, tmp_path: Path
) -> None:
    page, picture = signed_in, tmp_path / "photo.pdf"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    page.goto(f"{running_stack.base_url}/documents")
    page.get_by_role("button", name="New collection").first.click()
    page.get_by_role("dialog").get_by_label("Name").fill("Photos")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.locator("input[type=file]").set_input_files(picture)
    expect(page.get_by_role("list", name="Uploads").get_by_role("alert")).to_be_visible()


def test_signing_out_closes_the_door(signed_in: Page, running_stack: RunningStack) -> None:
    page = signed_in
    page.get_by_test_id("user-menu").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Secretariat")).to_be_visible()
    page.goto(f"{running_stack.base_url}/audit")
    expect(page.get_by_role("heading", name="Sign in to Secretariat")).to_be_visible()


def test_a_person_signs_in_through_the_identity_provider(page: Page, running_stack: RunningStack) -> None:
    callback = f"{running_stack.base_url}/auth/oidc/callback"
    with running_nanoidp(callback) as idp, running_stack.http() as http:
        connection = {
            "name": "Company login",
            "issuer": idp.issuer,
            "client_id": idp.client_id,
            "client_secret": idp.client_secret,
            "default_role": "member",
        }
        made = http.post("/api/v1/connections", json=connection)
        assert made.status_code == 201, made.text
        page.goto(f"{running_stack.base_url}/sign-in")
        page.get_by_label("Workspace").fill("main")
        page.get_by_test_id("sso").click()
        page.locator("input[name=username]").fill(idp.username)
        page.locator("input[name=password]").fill(idp.password)
        page.locator("button[type=submit], input[type=submit]").first.click()
        expect(page.get_by_role("heading", name="Tasks", exact=True)).to_be_visible()
        assert page.evaluate("document.cookie").find("secretariat_session") == -1, "the cookie is HttpOnly"
        people = http.get("/api/v1/users").json()["data"]
        assert [person["roles"] for person in people if person["email"] == idp.email] == [["member"]]
