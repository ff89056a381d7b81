"""Says what is missing before anything is installed. Runs on any Python 3."""

import importlib.util
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this is where an older one is told
    sys.exit(
        "Secretariat needs Python 3.11 or newer. Debian: apt-get install python3; or set PYTHON=/path/to/python."
    )
if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
    sys.exit("Python's venv is missing. Debian and Ubuntu: apt-get install python3-venv.")
