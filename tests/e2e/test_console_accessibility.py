"""Every page for those who use a keyboard, a screen reader, a phone, strong contrast or little motion."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

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
POLICY = Path(__file__).parents[2] / "examples" / "handbook" / "finance" / "travel-policy.pdf"
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
PAGES = (
    "/sign-in",
    "/tasks",
    "/tasks/{task}",
    "/chat",
    "/chat/{conversation}",
    "/chat/{conversation}?turn={turn}&source=1",
    "/documents",
    "/documents/{document}",
    "/documents/{document}?tab=pages",
    "/documents/{document}?tab=report",
    "/documents/{document}?tab=access",
    "/search?q=When+does+the+ferry+leave%3F",
    "/index",
    "/evaluations",
    "/training",
    "/adapters",
    "/models",
    "/jobs",
    "/audit",
    "/audit/{record}",
    "/exports",
    "/people",
    "/keys",
    "/connections",
    "/nowhere",
)


@dataclass(frozen=True)
class Console:
    """A browser that is signed in, and ids of what there is to look at."""

    page: Page
    base_url: str
    ids: dict[str, str]

    def open(self, path: str) -> None:
        self.page.goto(self.base_url + path.format(**self.ids))
        self.settle()

    def settle(self) -> None:
        expect(self.page.locator("h1, h2").first).to_be_visible()
        axe.settle(self.page)

    def show(self, theme: Literal["light", "dark"], size: dict[str, int]) -> None:
        self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        self.page.set_viewport_size({"width": size["width"], "height": size["height"]})


@pytest.fixture(scope="module")
def console(
    chromium: Browser, running_stack: RunningStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Console]:
    api = running_stack.api()
    notes = tmp_path_factory.mktemp("harbour") / "Hafenfährenfahrplanauskunft.md"
    notes.write_text("# Ferry\n\nThe ferry to the island leaves at seven. A ticket costs nine euros.\n")
    ids = _something_to_look_at(api, notes)
    api.close()
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto(running_stack.sign_in_link())
    expect(page.get_by_role("heading", name="Tasks", exact=True)).to_be_visible()
    yield Console(page, running_stack.base_url, ids)
    context.close()


def _something_to_look_at(api: Api, notes: Path) -> dict[str, str]:
    made = api.post("/api/v1/collections", {"name": "Reisekostenabrechnungsrichtlinien", "description": ""})
    document = api.upload(str(made["id"]), POLICY, POLICY.name, "application/pdf")
    ferry = api.upload(str(made["id"]), notes, notes.name, "text/markdown")
    for sent in (document, ferry):
        ready(api, sent)
    conversation = api.post("/api/v1/conversations", {"collection_ids": [made["id"]]})
    turns = f"/api/v1/conversations/{conversation['id']}/turns"
    turn = api.post(turns, {"text": "When does the ferry to the island leave?"})
    task = api.post("/api/v1/tasks", {"request": "When does the ferry to the island leave?"})
    api.until(f"{turns}/{turn['id']}", ("completed", "failed"))
    api.until(f"/api/v1/tasks/{task['id']}", ("completed", "failed"))
    record = api.get("/api/v1/audit/records", limit=1, event_type="PROMPT")["data"][0]
    return {
        "document": str(document["id"]),
        "conversation": str(conversation["id"]),
        "turn": str(turn["id"]),
        "task": str(task["id"]),
        "record": str(record["id"]),
    }


@pytest.mark.parametrize("path", PAGES)
def test_nothing_on_the_page_keeps_people_out(console: Console, path: str) -> None:
    console.open(path)
    axe.keeps_nobody_out(console.page)


def test_what_does_keep_people_out_is_found(console: Console) -> None:
    console.show("dark", PHONE)
    console.open("/keys")
    console.page.evaluate(
        "const main = document.querySelector('main');"
        "main.append(document.createElement('button'));"
        "const faint = main.appendChild(document.createElement('p'));"
        "faint.textContent = 'faint';"
        "faint.style.color = 'rgb(60, 60, 60)';"
    )
    assert {found.rule for found in axe.findings(console.page)} == {"button-name", "color-contrast"}


def test_what_opens_over_a_page_keeps_nobody_out(console: Console) -> None:
    page = console.page
    console.show("dark", DESK)
    console.open("/documents/{document}?tab=access")
    page.get_by_role("combobox", name="Who", exact=True).fill("ow")
    expect(page.get_by_test_id("principals").get_by_role("option", name="Owner")).to_be_visible()
    assert axe.findings(page) == []
    page.get_by_test_id("document-menu").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(page.get_by_role("alertdialog")).to_be_visible()
    assert axe.findings(page) == []
    console.open("/chat/{conversation}")
    page.get_by_role("button", name="This answer doesn’t help").click()
    page.get_by_role("button", name="Sources considered").click()
    expect(page.get_by_test_id("feedback-form")).to_be_visible()
    assert axe.findings(page) == []
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.get_by_role("dialog", name="Share the conversation")).to_be_visible()
    assert axe.findings(page) == []


def test_nothing_moves_for_those_who_asked_for_less_motion(console: Console) -> None:
    console.show("light", DESK)
    console.open("/documents/{document}")
    moving = console.page.evaluate(
        "[...document.querySelectorAll('*')].filter((element) => {"
        "  const style = getComputedStyle(element);"
        "  return style.animationName !== 'none' || parseFloat(style.transitionDuration) > 0;"
        "}).length"
    )
    assert moving == 0


def test_chat_is_held_by_the_keyboard_alone(console: Console) -> None:
    page = console.page
    console.show("light", DESK)
    console.open("/chat/{conversation}")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    page.keyboard.press("Enter")
    _tab_to(page, "[data-testid=citation]")
    page.keyboard.press("Enter")
    drawer = page.get_by_test_id("place-drawer")
    expect(drawer.get_by_test_id("quote").first).to_be_visible()
    _tab_to(page, "[role=tab]")
    page.keyboard.press("ArrowRight")
    expect(drawer.get_by_role("tab", name="Why this was cited")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("citation").first).to_be_focused()
    _tab_to(page, "[data-testid=conversation-menu]", backwards=True)
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # the first entry: rename
    expect(page.locator("input:focus")).to_be_visible()
    page.keyboard.type("Ferries")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("conversation-title")).to_contain_text("Ferries")
    expect(page.get_by_test_id("conversation-menu")).to_be_focused()
    _tab_to(page, "textarea")
    page.keyboard.type("What does a ticket cost?")
    page.keyboard.press("Enter")
    expect(page.locator("li[data-turn]")).to_have_count(2)
    expect(page.locator("li[data-turn]").last).to_have_attribute("data-status", "completed", timeout=90_000)
    expect(page.locator("textarea")).to_be_focused()


def test_documents_are_gone_through_by_the_keyboard_alone(console: Console) -> None:
    page = console.page
    console.show("light", DESK)
    console.open("/documents?words=travel-policy")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    _tab_to(page, "table a")
    page.keyboard.press("Enter")
    drawer = page.get_by_test_id("document-drawer")
    expect(drawer.get_by_role("tab").first).to_be_visible()
    _tab_to(page, "[role=tab]")
    page.keyboard.press("End")
    expect(drawer.get_by_test_id("readers")).to_be_visible()
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(page.locator("table a").first).to_be_focused()


_SEEN = """() => {
  const shows = (element) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    return outlineStyle !== "none" && parseFloat(outlineWidth) >= 1;
  };
  const element = document.activeElement;
  // The composer has a border that darkens instead; main and dialogs are places, not things to press.
  return shows(element) || element.matches("textarea, main, [role=dialog]");
}"""


def _tab_to(page: Page, selector: str, *, backwards: bool = False) -> None:
    """Presses Tab until what is wanted has the focus; each stop on the way can be seen."""
    for _ in range(60):
        page.keyboard.press("Shift+Tab" if backwards else "Tab")
        assert page.evaluate(_SEEN), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            return
    pytest.fail(f"the keyboard doesn't reach {selector}")
