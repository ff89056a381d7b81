"""The documents of the example company: uploaded once, recognised again by their hash."""

import hashlib
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from secretariat.platform.demo.api import Api

COLLECTION = "Handbook"
MEDIA_TYPES = {
    ".md": "text/markdown",
    ".html": "text/html",
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".txt": "text/plain",
}


def ensure_handbook(
    api: Api, directory: Path, out: Console, name: str = COLLECTION
) -> tuple[str, dict[str, str]]:
    """Upload what is missing and wait until all is ready: (collection, document id -> path of its file)."""
    collection_id = _collection(api, name)
    files = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in _files(directory)}
    present = {
        document["sha256"]
        for document in api.every("/api/v1/documents", collection_id=collection_id)
        if document["status"] in ("queued", "processing", "ready")
    }
    for sha256, path in files.items():
        if sha256 not in present:
            api.upload(collection_id, path, path.name, MEDIA_TYPES[path.suffix])
    documents = _wait(api, collection_id, out)
    return collection_id, {
        document["id"]: files[document["sha256"]].relative_to(directory).as_posix()
        for document in documents
        if document["sha256"] in files
    }


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.suffix in MEDIA_TYPES)


def _collection(api: Api, name: str) -> str:
    for collection in api.every("/api/v1/collections"):
        if collection["name"] == name:
            return str(collection["id"])
    described = "The handbook of an example company." if name == COLLECTION else ""
    body = {"name": name, "description": described}
    return str(api.post("/api/v1/collections", body)["id"])


def _wait(api: Api, collection_id: str, out: Console) -> list[dict[str, Any]]:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=out, disable=not out.is_terminal) as progress:
        bar = progress.add_task("Reading the documents")
        while True:
            documents = list(api.every("/api/v1/documents", collection_id=collection_id))
            settled = [
                document for document in documents if document["status"] not in ("queued", "processing")
            ]
            progress.update(bar, total=len(documents), completed=len(settled))
            if len(settled) == len(documents):
                return [document for document in documents if document["status"] == "ready"]
            time.sleep(0.3)
