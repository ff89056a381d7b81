"""Chat as a person uses it: real Chromium, real service, real models."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from secretariat.platform.console_files import STATIC
from secretariat.platform.demo.api import Api
from tests.support.line import line_to
from tests.support.stack import RunningStack, ready

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (STATIC / "index.html").exists(), reason="run `make console` to build the console"
    ),
]
ANSWERED = 90_000  # ms

NOTES = """# Observatory

The observatory opens on Friday at nine in the evening. A visit to the observatory costs eleven euros.

# Dome

The dome of the observatory was built in 1931. The dome weighs forty tonnes.
"""


@pytest.fixture(scope="module")
def api(running_stack: RunningStack) -> Iterator[Api]:
    client = running_stack.api()
    yield client
    client.close()


@pytest.fixture(scope="module")
def notes(api: Api, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The collection that holds them, ready to be asked."""
    path: Path = tmp_path_factory.mktemp("observatory") / "observatory.md"
    path.write_text(NOTES)
    collection_id = str(api.post("/api/v1/collections", {"name": "Observatory", "description": ""})["id"])
    document = api.upload(collection_id, path, "observatory.md", "text/markdown")
    ready(api, document)
    return collection_id


@pytest.fixture
def chat(page: Page, running_stack: RunningStack, api: Api, notes: str) -> Page:
    """An empty conversation over the notes."""
    made = api.post("/api/v1/conversations", {"collection_ids": [notes]})
    page.goto(running_stack.sign_in_link())
    expect(page.get_by_role("heading", name="Tasks", exact=True)).to_be_visible()
    page.goto(f"{running_stack.base_url}/chat/{made['id']}")
    expect(page.get_by_role("textbox", name="Your question")).to_be_visible()
    return page


def ask(page: Page, text: str) -> Locator:
    """Sends with Enter; the answer once it has ended."""
    field = page.get_by_role("textbox", name="Your question")
    field.fill(text)
    field.press("Enter")
    turn = page.locator("li[data-turn]").last
    expect(turn.get_by_test_id("question")).to_contain_text(text)
    expect(turn).to_have_attribute("data-status", "completed", timeout=ANSWERED)
    return turn.get_by_test_id("answer")


def test_an_answer_leads_to_the_words_it_was_copied_from(chat: Page, running_stack: RunningStack) -> None:
    answer = ask(chat, "When does the observatory open?")
    expect(answer).to_contain_text("Friday at nine")
    answer.get_by_test_id("citation").first.click()
    drawer = chat.get_by_test_id("place-drawer")
    expect(drawer.get_by_test_id("quote")).to_contain_text("Friday at nine in the evening")
    drawer.get_by_role("tab", name="Why this was cited").click()
    expect(drawer.get_by_test_id("why-cited")).to_contain_text("Checked word for word")
    expect(drawer.get_by_test_id("why-cited")).to_contain_text("of 1 passage")
    assert "source=1" in chat.url
    chat.reload()  # the drawer has an address of its own
    expect(chat.get_by_test_id("why-cited")).to_be_visible()
    chat.keyboard.press("Escape")
    answer.get_by_role("button", name="Sources considered").click()
    expect(chat.get_by_test_id("considered")).to_contain_text("Cited")
    expect(chat.get_by_test_id("conversation-title")).to_contain_text("observatory")


def test_what_the_notes_do_not_say_is_not_in_the_sources(chat: Page) -> None:
    answer = ask(chat, "What is the salary of the accountant?")
    expect(answer).to_contain_text("Not in the sources")
    expect(answer.get_by_test_id("citation")).to_have_count(0)


def test_a_question_put_differently_and_another_answer_stand_beside_the_first(chat: Page) -> None:
    ask(chat, "How much does a visit cost?")
    chat.get_by_role("button", name="Put this question differently").click()
    field = chat.get_by_role("textbox", name="The question, put differently")
    field.fill("When was the dome built?")
    field.press("Shift+Enter")
    field.press("Backspace")
    field.press("Enter")
    turn = chat.locator("li[data-turn]").last
    expect(turn.get_by_test_id("question")).to_contain_text("When was the dome built?")
    expect(turn).to_have_attribute("data-status", "completed", timeout=ANSWERED)
    expect(turn.get_by_test_id("answer")).to_contain_text("1931")
    expect(turn.get_by_test_id("question-stepper")).to_contain_text("2 of 2")
    chat.get_by_role("button", name="Previous question").click()
    expect(chat.locator("li[data-turn]").last.get_by_test_id("answer")).to_contain_text("eleven euros")
    chat.get_by_test_id("regenerate").click()
    expect(chat.get_by_test_id("answer-stepper")).to_contain_text("2 of 2", timeout=ANSWERED)
    expect(chat.locator("li[data-turn]")).to_have_count(1)


def test_earlier_turns_come_as_one_scrolls_up_and_what_is_read_stays_put(chat: Page, api: Api) -> None:
    turns = f"/api/v1/conversations/{chat.url.rpartition('/')[2]}/turns"
    for number in range(1, 5):
        said = api.post(
            turns, {"text": "\n".join(f"My locker {number}.{line} is blue." for line in range(40))}
        )
        assert api.until(f"{turns}/{said['id']}", ("completed", "failed"))["status"] == "completed"
    chat.route(
        "**/turns?*", lambda route: route.continue_(url=route.request.url.replace("limit=30", "limit=2"))
    )
    chat.reload()
    shown = chat.locator("li[data-turn]")
    expect(shown).to_have_count(2)
    thread = chat.get_by_test_id("thread")
    expect(shown.last.get_by_test_id("answer")).to_be_in_viewport()
    thread.evaluate("element => { element.scrollTop = 300 }")
    expect(shown).to_have_count(4)
    expect(shown.first).to_contain_text("My locker 1.0")
    assert thread.evaluate("element => element.scrollTop") > 1000
    expect(shown.nth(2).get_by_test_id("question")).to_be_in_viewport()


def test_escape_stops_an_answer(chat: Page) -> None:
    field = chat.get_by_role("textbox", name="Your question")
    field.fill("When was the dome built, and when does the observatory open?")
    field.press("Enter")
    expect(chat.get_by_test_id("stop")).to_be_visible()
    chat.keyboard.press("Escape")
    turn = chat.locator("li[data-turn]").last
    expect(turn).to_have_attribute("data-status", "stopped", timeout=30_000)
    expect(turn).to_contain_text("Stopped.")
    expect(chat.get_by_role("button", name="Send")).to_be_visible()


def test_a_thumb_down_with_its_correction_is_kept(chat: Page) -> None:
    answer = ask(chat, "When was the dome built?")
    answer.get_by_role("button", name="This answer doesn’t help").click()
    chat.get_by_label("What should the answer have been?").fill("In 1932, says the plaque.")
    chat.get_by_role("button", name="Keep the correction").click()
    expect(answer.get_by_test_id("given-feedback")).to_contain_text("In 1932, says the plaque.")
    chat.reload()
    expect(chat.get_by_test_id("given-feedback")).to_contain_text("In 1932, says the plaque.")
    pressed = chat.get_by_role("button", name="This answer doesn’t help")
    expect(pressed).to_have_attribute("aria-pressed", "true")
    pressed.click()
    chat.get_by_role("button", name="Leave it as it is").click()
    helps = chat.get_by_role("button", name="This answer helps")
    helps.click()
    expect(helps).to_have_attribute("aria-pressed", "true")
    chat.reload()
    expect(chat.get_by_test_id("given-feedback")).to_contain_text("In 1932, says the plaque.")


def test_sharing_renaming_and_a_deletion_that_shows_its_receipt(chat: Page) -> None:
    ask(chat, "When does the observatory open?")
    chat.get_by_role("button", name="Share", exact=True).click()
    dialog = chat.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Share")).to_be_disabled()
    dialog.get_by_role("combobox", name="Who", exact=True).click()
    dialog.get_by_role("option", name="Everyone in Main").click()
    dialog.get_by_role("button", name="Share").click()
    expect(chat.get_by_test_id("rules")).to_contain_text("Everyone in Main may read it")
    chat.keyboard.press("Escape")
    chat.get_by_test_id("conversation-menu").click()
    chat.get_by_role("menuitem", name="Rename").click()
    chat.get_by_role("dialog").get_by_label("Title").fill("Opening hours")
    chat.get_by_role("button", name="Rename").click()
    expect(chat.get_by_test_id("conversation-title")).to_have_text("Opening hours")
    chat.get_by_test_id("conversation-menu").click()
    with chat.expect_download() as exported:
        chat.get_by_role("menuitem", name="Export as Markdown").click()
    assert "Friday at nine" in Path(exported.value.path()).read_text()
    chat.get_by_test_id("conversation-menu").click()
    chat.get_by_role("menuitem", name="Delete").click()
    question = chat.get_by_role("alertdialog")
    expect(question).to_contain_text("Delete “Opening hours”?")
    question.get_by_role("button", name="Delete the conversation").click()
    receipt = chat.get_by_test_id("deletion-receipt")
    expect(receipt).to_contain_text("None of its words are stored any more")
    expect(chat.get_by_role("list", name="Conversations")).not_to_contain_text("Opening hours")


def test_on_a_phone_the_conversations_are_a_sheet(chat: Page) -> None:
    ask(chat, "When was the dome built?")
    chat.set_viewport_size({"width": 390, "height": 844})
    assert chat.evaluate("document.documentElement.scrollWidth") == 390
    chat.get_by_test_id("show-conversations").click()
    expect(chat.get_by_role("dialog", name="Conversations").get_by_test_id("conversations")).to_be_visible()
    chat.get_by_role("dialog", name="Conversations").get_by_test_id("new-chat").click()
    expect(chat.get_by_role("heading", name="What do you want to know?")).to_be_visible()
    expect(chat.get_by_role("dialog", name="Conversations")).to_be_hidden()


def test_a_cut_line_costs_no_words(chat: Page, running_stack: RunningStack) -> None:
    with line_to(running_stack.settings.port) as line:
        chat.goto(chat.url.replace(running_stack.base_url, line.base_url))
        field = chat.get_by_role("textbox", name="Your question")
        field.fill("How much does a visit to the observatory cost?")
        field.press("Enter")
        turn = chat.locator("li[data-turn]").last
        expect(turn.get_by_test_id("doing")).to_be_visible()
        line.cut()
        expect(turn.get_by_test_id("line-lost")).to_be_visible()
        field.fill("When was the dome built?")
        line.mend()
        expect(turn).to_have_attribute("data-status", "completed", timeout=ANSWERED)
        expect(turn.get_by_test_id("answer")).to_contain_text("eleven euros")
        expect(field).to_have_value("When was the dome built?")
        line.cut()
        field.press("Enter")
        expect(chat.get_by_role("alert")).to_contain_text("The question was not sent")
        expect(field).to_have_value("When was the dome built?")
        line.mend()
        field.press("Enter")
        expect(chat.locator("li[data-turn]")).to_have_count(2)
        expect(field).to_have_value("")


def test_a_question_whose_receipt_was_lost_is_asked_once(chat: Page) -> None:
    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    chat.route("**/turns", lose_the_answer, times=1)
    answer = ask(chat, "When was the dome built?")
    expect(answer).to_contain_text("1931")
    expect(chat.locator("li[data-turn]")).to_have_count(1)


def test_a_question_put_differently_stays_when_it_can_not_be_sent(chat: Page) -> None:
    ask(chat, "When was the dome built?")
    chat.get_by_role("button", name="Put this question differently").click()
    chat.route("**/turns", lambda route: route.abort())
    field = chat.get_by_role("textbox", name="The question, put differently")
    field.fill("How heavy is the dome?")
    field.press("Enter")
    expect(chat.get_by_role("alert")).to_contain_text("The question was not sent")
    expect(field).to_have_value("How heavy is the dome?")


def test_words_not_sent_yet_outlast_a_look_at_another_page(chat: Page) -> None:
    chat.get_by_role("textbox", name="Your question").fill("How much does")
    chat.get_by_role("navigation", name="Pages").get_by_role("link", name="Index").click()
    expect(chat.get_by_role("heading", name="Index")).to_be_visible()
    chat.go_back()
    expect(chat.get_by_role("textbox", name="Your question")).to_have_value("How much does")


def test_a_member_shares_with_a_person_found_by_name(
    page: Page, running_stack: RunningStack, api: Api
) -> None:
    member = {"email": "mia@example.com", "name": "Mia Meier", "password": "a long enough password"}
    api.post("/api/v1/users", {**member, "roles": ["member"]})
    page.goto(f"{running_stack.base_url}/sign-in")
    page.get_by_label("Workspace").fill("main")
    page.get_by_label("E-mail").fill(member["email"])
    page.get_by_label("Password").fill(member["password"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Tasks", exact=True)).to_be_visible()
    page.goto(f"{running_stack.base_url}/chat")
    field = page.get_by_role("textbox", name="Your question")
    field.fill("Thank you.")
    field.press("Enter")
    page.get_by_role("button", name="Share", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Who", exact=True).press_sequentially("own")
    expect(dialog.get_by_role("button", name="Share")).to_be_disabled()
    dialog.get_by_role("option", name="Owner").click()
    dialog.get_by_role("button", name="Share").click()
    expect(dialog.get_by_test_id("rules")).to_contain_text("Owner may read it")
    page.reload()
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.get_by_test_id("rules")).to_contain_text("Owner may read it")
