"""Records to learn from, and what a run told of its steps."""

import json
from pathlib import Path
from typing import Any


def lines(path: Path, *records: dict[str, Any]) -> str:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return str(path)


def asked(text: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **more}


def progress(folder: Path) -> list[dict[str, Any]]:
    """The steps that a run told of."""
    told = [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]
    return [line for line in told if "step" in line]
