"""Training, adapters, models and ways to answer, as a person sees them: real Chromium, service and weights."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from secretariat.platform.console_files import STATIC
from secretariat.platform.demo.api import Api
from tests.support import axe
from tests.support.stack import RunningStack, ready
from tests.support.weights import CHAT

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (STATIC / "index.html").exists(), reason="run `make console` to build the console"
    ),
    pytest.mark.skipif(not axe.SOURCE.exists(), reason="`make console` installs axe-core"),
]
TICKETS = "# Tickets\n\nA grey ticket is valid for a week. A blue ticket is valid for a day.\n"
PASTED = "How long is a grey ticket valid?\ttickets.md\ta week\nWhat is in the safe?\t"


@pytest.fixture(scope="module")
def library(running_stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a collection with a document that is ready."""
    api: Api = running_stack.api()
    made = api.post("/api/v1/collections", {"name": "Harbour lessons", "description": ""})
    path = tmp_path_factory.mktemp("harbour") / "tickets.md"
    path.write_text(TICKETS)
    ready(api, api.upload(str(made["id"]), path, path.name, "text/markdown"))
    yield str(made["name"])
    api.close()


def test_models_say_what_they_are_and_what_they_take(page: Page, running_stack: RunningStack) -> None:
    page.goto(running_stack.sign_in_link())
    page.get_by_role("link", name="Models", exact=True).click()
    models = page.get_by_test_id("models")
    row = models.locator("[data-row]").filter(has_text=CHAT)
    expect(row).to_contain_text("apache-2.0", ignore_case=True)
    expect(row).to_contain_text("8,192 tokens")
    expect(row).to_contain_text("In memory")
    axe.keeps_nobody_out(page)


def test_a_job_is_started_followed_and_stopped(
    page: Page, running_stack: RunningStack, library: str, tmp_path: Path
) -> None:
    pairs = [("Grey?", "a week"), ("Blue?", "a day"), ("Red?", "an hour"), ("Green?", "a year")] * 5
    lines = (
        json.dumps({"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]})
        for q, a in pairs
    )
    file = tmp_path / "tickets.jsonl"
    file.write_text("\n".join(lines))
    page.goto(running_stack.sign_in_link())
    page.get_by_role("link", name="Training").click()
    page.get_by_role("button", name="New training job").click()
    form = page.get_by_role("dialog")
    start = form.get_by_role("button", name="Start the job")
    form.get_by_label("Name").fill("Tickets")
    expect(start).to_be_disabled()
    form.get_by_label("Examples of your own").set_input_files(file)
    axe.keeps_nobody_out(page)
    start.click()
    expect(page.get_by_role("heading", name="Tickets", exact=True)).to_be_visible(timeout=30_000)
    facts = page.get_by_test_id("training-facts")
    expect(facts).to_contain_text("an upload")
    expect(facts).to_contain_text("30 minutes")
    expect(page.get_by_test_id("training-examples").locator("[data-row]").first).to_contain_text("An upload")
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.get_by_role("button", name="Resume the job")).to_be_visible(timeout=60_000)
    axe.keeps_nobody_out(page)
    page.goto(f"{running_stack.base_url}/adapters")
    expect(page.get_by_text("No adapters yet")).to_be_visible()
    page.get_by_role("tab", name="Blind choices").click()
    expect(page.get_by_text("No blind choices yet")).to_be_visible()
    axe.keeps_nobody_out(page)


def test_ways_to_answer_are_measured_side_by_side(
    page: Page, running_stack: RunningStack, library: str
) -> None:
    page.goto(running_stack.sign_in_link())
    page.get_by_role("link", name="Evaluations").click()
    page.get_by_role("tab", name="Question sets").click()
    page.get_by_role("button", name="New question set").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("Tickets")
    form.get_by_label("Questions and documents").fill(PASTED)
    form.get_by_role("button", name="Make the set").click()
    expect(page.get_by_test_id("question-sets")).to_contain_text("Tickets")
    page.get_by_role("tab", name="Evaluations").click()
    page.get_by_role("button", name="New evaluation").click()
    form = page.get_by_role("dialog")
    form.get_by_label("What is measured").click()
    page.get_by_role("option", name="Ways to answer, side by side").click()
    form.get_by_test_id("collection-choice").click()
    page.get_by_role("menuitemcheckbox", name=library, exact=True).click()
    page.keyboard.press("Escape")
    axe.keeps_nobody_out(page)
    form.get_by_role("button", name="Start the evaluation").click()
    told = page.get_by_test_id("strategies")
    expect(told).to_contain_text("From memory", timeout=60_000)
    expect(told).to_contain_text("Not measured: no adapter is published")
    expect(told.locator("section").filter(has_text="Whole documents")).to_contain_text("of 1 right")
    expect(page.get_by_test_id("evaluation-facts")).to_contain_text("None is published")
    axe.keeps_nobody_out(page)
