"""Finds a Chromium for the browser tests: $CHROMIUM, the PATH, Debian's package, else Playwright's own.

Prints its path. With --install, installs one if there is none.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    configured = os.environ.get("CHROMIUM")
    if configured:
        return configured if Path(configured).exists() else None
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    return _playwright()


def _playwright() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install() -> None:
    if shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
        done = subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=False, **quiet
        )
        if done.returncode == 0 and find():
            return
    subprocess.run([sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"], check=True)


def main() -> None:
    if find() is None and "--install" in sys.argv:
        print("No Chromium here; installing one.", file=sys.stderr)
        install()
    path = find()
    if path is None:
        sys.exit("No Chromium found. Set CHROMIUM to one, or install Debian's package `chromium`.")
    print(path)


if __name__ == "__main__":
    main()
