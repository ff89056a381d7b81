"""Applies the house rules to the repository."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))

from scripts.rules import findings  # noqa: E402 - the path has to be there first

found = list(findings(ROOT))
for finding in found:
    print(finding)
sys.exit(1 if found else 0)
