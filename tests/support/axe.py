"""axe-core in a page: what keeps people out who use a keyboard, a screen reader or strong contrast."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Page, expect

SOURCE = Path(__file__).parents[2] / "console" / "node_modules" / "axe-core" / "axe.min.js"
_LOOKS: tuple[tuple[Literal["light", "dark"], int, int], ...] = (("light", 1440, 900), ("dark", 390, 844))
_GRAVE = ("serious", "critical")
_RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  const place = ({ target, failureSummary }) => ({ target: target.join(" "), why: failureSummary });
  return violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, nodes: nodes.map(place) }));
}"""


@dataclass(frozen=True)
class Finding:
    rule: str
    impact: str
    help: str
    places: tuple[str, ...]

    @classmethod
    def of(cls, told: dict[str, Any]) -> "Finding":
        places = tuple(f"{node['target']}: {node['why']}" for node in told["nodes"])
        return cls(told["id"], str(told["impact"]), told["help"], places)


@cache
def _source() -> str:
    return SOURCE.read_text()


def keeps_nobody_out(page: Page) -> None:
    """Light on a desk, and dark on a phone, where nothing may stick out."""
    for theme, width, height in _LOOKS:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": height})
        settle(page)
        assert findings(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width


def settle(page: Page) -> None:
    """Until nothing is being loaded."""
    expect(page.get_by_role("status", name="Loading")).to_have_count(0)
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


def findings(page: Page) -> list[Finding]:
    """Serious and critical ones, by the rules that axe-core runs by itself (WCAG 2.2 A, AA and best practice).

    The script is evaluated by the debugger: the page's security policy takes no scripts of others.
    """
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_source())
    return [found for told in page.evaluate(_RUN) if (found := Finding.of(told)).impact in _GRAVE]
