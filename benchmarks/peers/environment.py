"""Environments of Python that peers run in, outside the repository and apart from what we depend on."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def home(name: str) -> Path:
    """As `<NAME>_HOME` says, else below the user's cache."""
    named = os.environ.get(f"{name.upper()}_HOME")
    return Path(named) if named else Path.home() / ".cache" / "secretariat" / name


def python(name: str) -> Path:
    """Its interpreter; ends the program where there is none."""
    path = home(name) / "bin" / "python"
    if not path.exists():
        sys.exit(f"{path} is missing: run `make peers` once")
    return path


def install(name: str, packages: Sequence[str]) -> Path:
    """Its interpreter; the environment is made first if it isn't there."""
    if not (home(name) / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(home(name))], check=True)
        subprocess.run([str(python(name)), "-m", "pip", "install", "--quiet", *packages], check=True)
    return python(name)
