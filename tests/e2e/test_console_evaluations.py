"""Search measured on one's own documents, as a person does it: real Chromium, real service, real weights."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from secretariat.platform.console_files import STATIC
from secretariat.platform.demo.api import Api
from tests.support import axe
from tests.support.stack import RunningStack, ready

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (STATIC / "index.html").exists(), reason="run `make console` to build the console"
    ),
    pytest.mark.skipif(not axe.SOURCE.exists(), reason="`make console` installs axe-core"),
]
PEOPLE = Path(__file__).parents[2] / "examples" / "handbook" / "people"
FILES = ("annual-leave.md", "job-grades.md", "remote-work.md", "training-and-development.md")
PASTED = """
How many days of annual leave may be carried over?\tannual-leave.md
Who may work from home?\tremote-work.md
What is in the safe?\tnowhere.md
"""


@pytest.fixture(scope="module")
def library(running_stack: RunningStack) -> Iterator[str]:
    """The name of a collection with documents that are ready."""
    api: Api = running_stack.api()
    made = api.post("/api/v1/collections", {"name": "People", "description": ""})
    documents = [api.upload(str(made["id"]), PEOPLE / name, name, "text/markdown") for name in FILES]
    for document in documents:
        ready(api, document)
    yield str(made["name"])
    api.close()


def test_questions_are_pasted_measured_compared_and_looked_at(
    page: Page, running_stack: RunningStack, library: str
) -> None:
    page.goto(running_stack.sign_in_link())
    page.get_by_role("link", name="Evaluations").click()
    page.get_by_role("tab", name="Question sets").click()
    page.get_by_role("button", name="New question set").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("People")
    form.get_by_label("Questions and documents").fill("a question without a document")
    form.get_by_role("button", name="Make the set").click()
    expect(form).to_contain_text("Line 1 needs a question, a tab and the name of a document.")
    axe.keeps_nobody_out(page)
    form.get_by_label("Questions and documents").fill(PASTED)
    form.get_by_role("button", name="Make the set").click()
    expect(page.get_by_test_id("question-sets")).to_contain_text("People")

    page.get_by_role("tab", name="Evaluations").click()
    page.get_by_role("button", name="New evaluation").click()
    form = page.get_by_role("dialog")
    form.get_by_role("checkbox", name="words Uses words", exact=True).check()
    form.get_by_test_id("collection-choice").click()
    page.get_by_role("menuitemcheckbox", name=library, exact=True).click()
    page.keyboard.press("Escape")
    axe.keeps_nobody_out(page)
    form.get_by_role("button", name="Start the evaluation").click()

    expect(page.get_by_role("heading", name="People", exact=True)).to_be_visible()
    result = page.get_by_test_id("evaluation-result")
    expect(result).to_contain_text("0.667", timeout=60_000)
    expect(page.get_by_test_id("evaluation-facts")).to_contain_text("1 of them not there")
    expect(page.get_by_test_id("differences")).to_contain_text("nDCG@10")

    questions = page.get_by_test_id("evaluated-questions")
    expect(questions.locator("[data-row]").first).to_contain_text("What is in the safe?")
    axe.keeps_nobody_out(page)
    questions.get_by_role("link", name="Who may work from home?").click()
    drawer = page.get_by_test_id("question-drawer")
    expect(drawer).to_contain_text("default: place 1")
    expect(drawer.get_by_role("list", name="Found by default")).to_contain_text("remote-work.md")
    assert "/questions/" in page.url
    axe.keeps_nobody_out(page)
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()


@pytest.fixture
def measured(running_stack: RunningStack, library: str) -> str:
    """The name of a set with which search was measured once."""
    api: Api = running_stack.api()
    name = f"Home, {library}"
    with running_stack.http() as http:
        files = {
            "queries": b'{"_id": "1", "text": "Who may work from home?"}',
            "qrels": b"1\tremote-work.md\t1",
        }
        made = http.post("/api/v1/question-sets", data={"name": name}, files=files).json()
    started = api.post("/api/v1/evaluations", {"question_set_id": made["id"]})
    assert api.until(f"/api/v1/evaluations/{started['id']}", ("completed", "failed"))["status"] == "completed"
    api.close()
    return name


def test_a_set_is_deleted_by_name_and_its_evaluation_keeps_its_numbers(
    page: Page, running_stack: RunningStack, measured: str
) -> None:
    page.goto(running_stack.sign_in_link())
    expect(page.get_by_role("heading", name="Tasks", exact=True)).to_be_visible()
    page.goto(f"{running_stack.base_url}/evaluations?tab=sets")
    page.get_by_role("button", name=f"Delete {measured}").click()
    asked = page.get_by_role("alertdialog")
    expect(asked).to_contain_text("The words of its 1 question are removed for good")
    asked.get_by_role("button", name="Delete the set").click()
    expect(page.get_by_role("button", name=f"Delete {measured}")).to_be_hidden()
    page.get_by_role("tab", name="Evaluations").click()
    page.get_by_test_id("evaluations").get_by_role("link", name=measured).click()
    expect(page.get_by_test_id("evaluation-result")).to_contain_text("1.000")
    expect(page.get_by_test_id("evaluated-questions")).to_contain_text("A question of a deleted set")
