"""The committed OpenAPI document is the one that the service serves: the console's client is made from it."""

import json
import sys
from pathlib import Path

from secretariat.platform.cli.openapi import openapi_document

COMMITTED = Path(__file__).resolve().parents[1] / "console" / "openapi.json"

if json.loads(COMMITTED.read_text(encoding="utf-8")) != json.loads(json.dumps(openapi_document())):
    sys.exit("console/openapi.json is out of date. Run `make openapi` and commit what it wrote.")
