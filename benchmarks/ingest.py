"""`make bench-ingest`: documents from their upload until they are found, against the embedding of their chunks.

Everything runs as a customer runs it: the whole stack on loopback, a worker that reads two documents at a time.
The clock starts with the first upload and stops when a search has caught up with the last chunk. Whether documents
are ready is asked once a second until the last ones, since each look costs the service. The peer is the same model
server given the same texts in one list and nothing else to do. Documents are abstracts of a public collection
under headings.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.report import Figure, Report, proven
from benchmarks.rounds import alternate
from secretariat.models.core import CallContext
from secretariat.models.remote import RemoteModels
from secretariat.platform.demo.api import Api
from secretariat.platform.demo.installation import with_services
from secretariat.platform.embedded.checks import free_port
from secretariat.platform.identity.administrators import ensure_owner, new_key
from secretariat.platform.services import Services
from secretariat.platform.settings import Settings
from secretariat.platform.supervisor import Stack
from secretariat.platform.tenants.service import create_tenant
from secretariat.retrieval.core import ChunkDraft
from secretariat.retrieval.embed import embed_chunks
from secretariat.retrieval.parse import parse
from secretariat.retrieval.split import split
from secretariat.retrieval.tokens import AskedTokens

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT.parent / "shared" / "data" / "ir" / "scifact" / "corpus.jsonl"
DOCUMENTS, ABSTRACTS_EACH, ROUNDS = 24, 50, 3
_LOOK_SECONDS = 1.0
_LAST_LOOK_SECONDS = 0.2  # for the documents that are read last, two at a time
TITLE = "Abstracts"
CALL = CallContext("benchmark", "ingest")


def main() -> int:
    if not CORPUS.exists():
        sys.exit(f"not measured: {CORPUS} isn't there")
    proven("tests/retrieval/test_ingest.py", "tests/platform/indexes/test_chunk_log.py")
    report = Report("ingest")
    with tempfile.TemporaryDirectory(prefix="secretariat-ingest-") as folder:
        home = Path(folder)
        files = _files(home)
        with _stack(home) as (api, settings):
            chunks = with_services(settings, lambda services: _chunks(services.models, files))
            report.note("documents, chunks", f"{len(files)}, {len(chunks)}")
            rounds = alternate(
                ROUNDS,
                {
                    "ingestion": lambda: len(chunks) / _ingested(api, files, len(chunks)),
                    "embedding": lambda: (
                        len(chunks) / with_services(settings, lambda it: _embedded(it.models, chunks))
                    ),
                },
            )
    report.note("chunks a second, by round", rounds.summary())
    report.add(
        Figure(
            "time to ingest into PostgreSQL and FAISS",
            rounds.ratio("embedding", "ingestion"), 1.2, least=False, reference="embedding time alone",
        )
    )  # fmt: skip
    return report.close()


def _files(folder: Path) -> list[Path]:
    with CORPUS.open(encoding="utf-8") as lines:
        abstracts = [json.loads(next(lines)) for _ in range(DOCUMENTS * ABSTRACTS_EACH)]
    files = []
    for number in range(DOCUMENTS):
        part = abstracts[number * ABSTRACTS_EACH : (number + 1) * ABSTRACTS_EACH]
        path = folder / f"report-{number}.md"
        sections = [f"# {one['title']}\n\n{one['text']}" for one in part]
        path.write_text("\n\n".join([f"---\ntitle: {TITLE}\n---", *sections]), encoding="utf-8")
        files.append(path)
    return files


async def _chunks(models: RemoteModels, files: list[Path]) -> list[ChunkDraft]:
    """As the worker cuts them."""
    tokens = AskedTokens(models, CALL, asyncio.get_running_loop())
    found: list[ChunkDraft] = []
    for path in files:
        document = await parse(path, path.name, "text/markdown")
        assert document.title == TITLE
        found += await asyncio.to_thread(split, document, tokens)
    return found


async def _embedded(models: RemoteModels, chunks: list[ChunkDraft]) -> float:
    """Seconds for the vectors of all chunks; all documents have one title."""

    async def progress(_done: int, _total: int) -> None:
        """Nobody is told."""

    began = time.perf_counter()
    await embed_chunks(TITLE, chunks, embedder=models, call=CALL, progress=progress)
    return time.perf_counter() - began


def _ingested(api: Api, files: list[Path], chunks: int) -> float:
    """Seconds until the last chunk of new documents made of the files can be found."""
    name = f"round {time.time_ns()}"
    collection = str(api.post("/api/v1/collections", {"name": name})["id"])
    began = time.perf_counter()
    uploaded = [api.upload(collection, path, path.name, "text/markdown") for path in files]
    pauses = [_LOOK_SECONDS] * (len(uploaded) - 2) + [_LAST_LOOK_SECONDS] * 2
    documents = [_ready(api, str(one["id"]), pause) for one, pause in zip(uploaded, pauses, strict=True)]
    heading = files[-1].read_text(encoding="utf-8").split("\n# ")[-1].split("\n")[0]
    found = api.post("/api/v1/search", {"query": heading, "collection_ids": [collection]})
    seconds = time.perf_counter() - began
    assert found["passages"]
    assert sum(document["chunk_count"] for document in documents) == chunks
    return seconds


def _ready(api: Api, document_id: str, pause: float) -> dict[str, Any]:
    """Looks each `pause` seconds, and at one document alone: looking takes time from what is measured."""
    while True:
        document = api.get(f"/api/v1/documents/{document_id}")
        if document["status"] == "ready":
            return document
        if document["status"] == "rejected":
            sys.exit(f"not measured: a document was rejected: {document['problem']}")
        time.sleep(pause)


@contextmanager
def _stack(home: Path) -> Iterator[tuple[Api, Settings]]:
    """A new installation, and the settings that reach its parts."""
    home.chmod(0o755)
    (home / "models").symlink_to(ROOT / ".secretariat" / "models")
    settings = Settings(home=home).model_copy(update={"port": free_port()})
    stack = Stack(settings, lambda line: print(line, file=sys.stderr))
    try:
        stack.start()
        reachable = stack.reachable_settings()
        api = Api(settings.base_url, with_services(reachable, _key))
        try:
            yield api, reachable
        finally:
            api.close()
    finally:
        stack.stop()


async def _key(services: Services) -> str:
    tenant = await create_tenant(services.database, "main", "Main")
    return await new_key(
        services, await ensure_owner(services, tenant.id, "owner@localhost", "Owner"), "bench"
    )


if __name__ == "__main__":
    sys.exit(main())
