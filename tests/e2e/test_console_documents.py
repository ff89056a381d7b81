"""Documents and the index as a person looks at them: real Chromium, real service, real files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from secretariat.platform.console_files import STATIC
from secretariat.platform.demo.api import Api
from tests.support.stack import RunningStack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (STATIC / "index.html").exists(), reason="run `make console` to build the console"
    ),
]
POLICY = Path(__file__).parents[2] / "examples" / "handbook" / "finance" / "travel-policy.pdf"


@pytest.fixture(scope="module")
def api(running_stack: RunningStack) -> Iterator[Api]:
    client = running_stack.api()
    yield client
    client.close()


@pytest.fixture(scope="module")
def policy(api: Api) -> dict[str, Any]:
    """A PDF in a collection of its own, ready."""
    made = api.post("/api/v1/collections", {"name": "Policies", "description": ""})
    document = api.upload(str(made["id"]), POLICY, POLICY.name, "application/pdf")
    return api.until(f"/api/v1/documents/{document['id']}", ("ready", "rejected"))


@pytest.fixture
def opened(page: Page, running_stack: RunningStack, policy: dict[str, Any]) -> Page:
    page.goto(running_stack.sign_in_link())
    expect(page.get_by_role("heading", name="Tasks", exact=True)).to_be_visible()
    page.goto(f"{running_stack.base_url}/documents/{policy['id']}")
    expect(page.get_by_role("tab", name="Report")).to_be_visible()
    return page


def test_a_chunk_is_shown_on_its_page_and_its_lines_are_marked(opened: Page) -> None:
    opened.get_by_role("list", name="Chunks").get_by_role("link").first.click()
    image = opened.get_by_test_id("page-image")
    expect(image).to_have_attribute("data-state", "shown", timeout=60_000)
    expect(opened.get_by_test_id("chunk-outline").first).to_be_visible()
    expect(opened.get_by_test_id("page-box").first).to_be_visible()
    mark = opened.get_by_test_id("page-box").first.bounding_box()
    paper = image.get_by_role("img").bounding_box()
    assert mark is not None
    assert paper is not None
    assert paper["x"] <= mark["x"]
    assert mark["x"] + mark["width"] <= paper["x"] + paper["width"] + 1
    assert 0 < mark["height"] < paper["height"] / 10


def test_who_can_see_it_and_why_changes_with_a_grant(opened: Page) -> None:
    opened.get_by_role("tab", name="Access").click()
    readers = opened.get_by_test_id("readers")
    expect(readers).to_contain_text("May read it")
    expect(readers).to_contain_text("Allowed to everyone, on the collection")
    opened.get_by_role("combobox", name="May they").click()
    opened.get_by_role("option", name="may not read").click()
    opened.get_by_role("button", name="Add").click()
    expect(readers).to_contain_text("May not read it: a deny beats every allow")
    expect(readers).to_contain_text("Denied to everyone, on the document (decides)")
    opened.get_by_role("button", name="Take back the rule on Everyone in Main").click()
    expect(readers).to_contain_text("May read it")


def test_the_report_says_how_the_file_was_read(opened: Page) -> None:
    opened.get_by_role("tab", name="Report").click()
    report = opened.get_by_test_id("document-report")
    expect(report).to_contain_text("English")
    expect(report).to_contain_text("Added")


def test_filters_narrow_the_list_and_stand_in_its_address(opened: Page, running_stack: RunningStack) -> None:
    opened.goto(f"{running_stack.base_url}/documents?words=travel-policy")
    expect(opened.get_by_role("row", name="travel-policy.pdf").first).to_be_visible()
    opened.get_by_test_id("filters").click()
    opened.get_by_role("combobox", name="Type").click()
    opened.get_by_role("option", name="PDF").click()
    expect(opened.get_by_test_id("filters")).to_contain_text("Filters (1)")
    assert "type=" in opened.url
    opened.get_by_role("searchbox", name="Find by name or title").fill("nothing is called this")
    expect(opened.get_by_test_id("empty")).to_contain_text("No document fits the filters")


def test_the_index_tells_how_far_it_is(opened: Page, running_stack: RunningStack) -> None:
    opened.goto(f"{running_stack.base_url}/index")
    state = opened.get_by_test_id("index-state")
    expect(state).to_contain_text("Exact: every search looks at all chunks in reach")
    expect(state).to_contain_text("384")
    opened.get_by_test_id("rebuild").click()
    expect(opened.get_by_role("alertdialog")).to_contain_text("Searches go on with the present one")
    opened.get_by_role("button", name="Keep it").click()
    expect(opened.get_by_role("alertdialog")).to_be_hidden()
