"""A cited summary of a long real text: how long it takes, and whether each sentence stands where it says.

The text is made of the stories of FairytaleQA, 2,500 characters a page.
"""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.report import Figure, Report
from secretariat.platform.demo.api import Api

STORIES = Path(__file__).resolve().parents[2] / "shared" / "data" / "fairytaleqa" / "train.jsonl"
PAGE = 2500
SENTENCES = 20
REWRITTEN = 8


def summary_of_a_long_text(report: Report, api: Api, pages: int) -> None:
    if not STORIES.is_file():
        report.note("cited summary", f"left out: {STORIES.name} of FairytaleQA isn't there")
        return
    document = _uploaded(api, long_text(pages * PAGE))
    for rewrite, sentences in ((False, SENTENCES), (True, REWRITTEN)):
        began = time.monotonic()
        body = {"sentences": sentences, "rewrite": rewrite}
        asked = api.post(f"/api/v1/documents/{document}/summary", body)
        work = api.until(f"/api/v1/works/{asked['id']}", ("completed", "failed"))
        seconds = time.monotonic() - began
        said = work["result"]["sentences"] if work["result"] else []
        vouched = [_stands(api, each) for each in said if each["supported"]]
        flagged = len(said) - len(vouched)
        what = f"summary of {pages} pages in {sentences} sentences" + (", worded anew" if rewrite else "")
        report.note(f"{what}: s; flagged", f"{seconds:.1f}; {flagged} of {len(said)}")
        share = sum(vouched) / len(vouched) if vouched else float(bool(said))
        report.add(Figure(f"{what}: supported or flagged", share, 1.0, ""))


def _stands(api: Api, sentence: dict[str, Any]) -> bool:
    """Whether the document says there what is quoted."""
    cited = sentence["citation"]
    place = {"start": cited["start"], "end": cited["end"], "sha256": cited["quote_sha256"]}
    return bool(api.get(f"/api/v1/documents/{cited['document_id']}/passages", **place)["verified"])


def long_text(characters: int) -> str:
    """Whole passages, each once, until there are so many characters."""
    passages: dict[str, None] = {}
    with STORIES.open(encoding="utf-8") as lines:
        for line in lines:
            passages[json.loads(line)["context"]] = None
    text = ""
    for passage in passages:
        if len(text) >= characters:
            break
        text += " ".join(passage.split()) + "\n\n"
    return text


def _uploaded(api: Api, text: str) -> str:
    collection = api.post("/api/v1/collections", {"name": "Stories"})["id"]
    with tempfile.TemporaryDirectory(prefix="secretariat-stories-") as directory:
        path = Path(directory) / "stories.txt"
        path.write_text(text, encoding="utf-8")
        document = api.upload(collection, path, path.name, "text/plain")["id"]
    ended = api.until(f"/api/v1/documents/{document}", ("ready", "failed", "rejected"))
    assert ended["status"] == "ready", ended
    return str(document)
