"""Documents and the index as a person looks at them: real Chromium, real service, real files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from secretariat.platform.console_files import STATIC
from secretariat.platform.demo.api import Api
from tests.support.stack import RunningStack, ready

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
    return ready(api, document)


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
    person = opened.get_by_role("combobox", name="Person")
    person.fill("own")
    opened.get_by_role("option", name="Owner").click()
    expect(opened.get_by_test_id("verdict")).to_contain_text("Owner")
    opened.reload()  # whom one asks about stands in the address
    expect(person).to_have_value("Owner")
    expect(opened.get_by_test_id("verdict")).to_contain_text("Owner")
    readers = opened.get_by_test_id("readers")
    expect(readers).to_contain_text("May read it")
    expect(readers).to_contain_text("Allowed to everyone, on the collection")
    opened.get_by_role("combobox", name="Who", exact=True).click()
    opened.get_by_role("option", name="Everyone in Main").click()
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


def test_an_upload_goes_on_while_one_looks_at_another_page(
    opened: Page, running_stack: RunningStack, policy: dict[str, Any], tmp_path: Path
) -> None:
    opened.goto(f"{running_stack.base_url}/documents?collection={policy['collection_id']}")
    under_way: list[Route] = []
    opened.route("**/api/v1/documents", lambda route: under_way.append(route))
    notes = tmp_path / "ferry.md"
    notes.write_text("# Ferry\n\nThe ferry leaves at seven.\n")
    opened.locator("input[type=file]").set_input_files(notes)
    expect(opened.get_by_role("list", name="Uploads")).to_contain_text("into Policies")
    opened.get_by_role("navigation", name="Pages").get_by_role("link", name="Index").click()
    expect(opened.get_by_role("heading", name="Index")).to_be_visible()
    under_way[0].continue_()
    opened.get_by_role("navigation", name="Pages").get_by_role("link", name="Documents").click()
    expect(opened.get_by_role("row", name="ferry.md")).to_contain_text("Ready", timeout=30_000)


def test_a_file_that_can_not_be_read_says_why(
    opened: Page, running_stack: RunningStack, api: Api, policy: dict[str, Any], tmp_path: Path
) -> None:
    broken = tmp_path / "scan.pdf"
    broken.write_bytes(b"%PDF-1.7\n" + bytes(2000))
    sent = api.upload(policy["collection_id"], broken, "scan.pdf", "application/pdf")
    rejected = api.until(f"/api/v1/documents/{sent['id']}", ("ready", "rejected"))
    opened.goto(f"{running_stack.base_url}/documents/{sent['id']}")
    report = opened.get_by_test_id("document-report")
    expect(report).to_contain_text(rejected["problem"]["detail"])
    expect(report).to_contain_text(rejected["problem"]["code"])
    expect(report).not_to_contain_text("the whole file was read")


def test_a_search_says_whether_anything_answers(
    opened: Page, running_stack: RunningStack, api: Api, policy: dict[str, Any], tmp_path: Path
) -> None:
    notes = tmp_path / "lighthouse.md"
    notes.write_text("# Lighthouse\n\nThe lighthouse was built in 1874. It is painted every five years.\n")
    sent = api.upload(policy["collection_id"], notes, notes.name, "text/markdown")
    ready(api, sent)
    opened.goto(f"{running_stack.base_url}/search")
    field = opened.get_by_role("searchbox", name="What do you look for?")
    field.fill("When was the lighthouse built?")
    field.press("Enter")
    expect(opened.get_by_test_id("search-verdict")).to_have_attribute("data-found", "true")
    opened.get_by_role("list", name="Passages found").get_by_role("link").first.click()
    expect(opened.get_by_test_id("place-drawer").get_by_test_id("quote").first).to_be_visible()
    opened.keyboard.press("Escape")
    field.fill("Who won the chess tournament of 1972?")
    field.press("Enter")
    expect(opened.get_by_test_id("search-verdict")).to_have_attribute("data-found", "false")
    expect(opened.get_by_test_id("search-verdict")).to_contain_text("Not in the sources")
