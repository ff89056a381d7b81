"""The write path: a file in, chunks with unit vectors out, progress on the way."""

from pathlib import Path

import numpy as np
import pytest

from secretariat.retrieval.embed import BATCH
from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.ingest import ingest
from tests.retrieval import files
from tests.retrieval.embedders import CALL, HashingEmbedder


async def test_a_file_becomes_chunks_with_vectors(tmp_path: Path) -> None:
    text = "\n\n".join(f"# Part {number}\n\n{files.PASSAGE * 4}" for number in range(BATCH + 8))
    (tmp_path / "policy.md").write_text(text)
    steps: list[tuple[int, int]] = []

    async def progress(done: int, total: int) -> None:
        steps.append((done, total))

    document, chunks = await ingest(
        tmp_path / "policy.md", "policy.md", None, embedder=HashingEmbedder(), call=CALL, progress=progress
    )
    assert len(chunks) > BATCH
    for draft, vector in chunks:
        assert draft.text == draft.span.within(document.text)
        assert np.linalg.norm(np.frombuffer(vector, dtype="<f4")) == pytest.approx(1.0, abs=1e-5)
    assert steps == [(0, len(chunks)), (BATCH, len(chunks)), (len(chunks), len(chunks))]


async def test_a_rejected_file_embeds_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"no pdf at all")

    async def progress(_done: int, _total: int) -> None:
        pytest.fail("nothing to report")

    with pytest.raises(DocumentRejectedError):
        await ingest(
            tmp_path / "a.pdf", "a.pdf", None, embedder=HashingEmbedder(), call=CALL, progress=progress
        )
