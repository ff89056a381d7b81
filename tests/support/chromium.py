"""A real Chromium for tests: $CHROMIUM, the PATH, Debian's package or Playwright's own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

FINDER = Path(__file__).parents[2] / "scripts" / "find_chromium.py"
# The browser's own calls home are refused by a closed network and only fill the log.
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--disable-gpu",
)


@pytest.fixture(scope="module")  # not longer: asyncio tests can't run while Playwright's loop does
def chromium() -> Iterator[Browser]:
    found = subprocess.run([sys.executable, str(FINDER)], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        pytest.skip(f"{found.stderr.strip()} `make test` installs one.")
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else list(FLAGS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found.stdout.strip(), args=flags)
        yield browser
        browser.close()


def _broke_policy(message: ConsoleMessage) -> bool:
    return message.type == "error" and "Content Security Policy" in message.text


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a fresh browser profile; errors in it, and breaches of its security policy, fail the test."""
    context: BrowserContext = chromium.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda message: errors.append(message.text) if _broke_policy(message) else None)
    yield opened
    context.close()
    assert errors == [], errors
