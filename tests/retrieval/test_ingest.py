"""The write path: a file in, chunks with unit vectors out, progress on the way; nothing is embedded twice."""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from secretariat.models.core import CallContext, EmbeddingResult
from secretariat.models.errors import ModelError
from secretariat.retrieval.embed import BATCH, embed_chunks
from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.ingest import Ingested, ingest
from secretariat.retrieval.tokens import AskedTokens
from tests.retrieval import files
from tests.retrieval.embedders import CALL, HashingEmbedder

PARTS = "\n\n".join(f"# Part {number}\n\n{files.PASSAGE * 4}" for number in range(BATCH + 8))


class RecordingEmbedder(HashingEmbedder):
    """Remembers what it was asked for, and answers as the model of a given name; counts as one token a word."""

    def __init__(self, name: str = "one", form: str = "float32") -> None:
        self.name, self.form = name, form
        self.asked: list[str] = []

    async def embed(self, texts: Sequence[str], call: CallContext) -> EmbeddingResult:
        self.asked += texts
        result = await super().embed(texts, call)
        return dataclasses.replace(
            result, model=dataclasses.replace(result.model, name=self.name, dtype=self.form)
        )

    async def count_embedded(self, texts: Sequence[str], call: CallContext) -> list[int]:
        return [2 + len(text.split()) for text in texts]


async def quietly(_done: int, _total: int) -> None:
    """Nobody is told."""


def _known(earlier: Ingested) -> Callable[[str, str], bytes | None]:
    vectors = {(draft.key, earlier.basis): vector for draft, vector in earlier.chunks}
    return lambda key, basis: vectors.get((key, basis))


async def _read(
    folder: Path, text: str, embedder: RecordingEmbedder, before: Ingested | None = None
) -> Ingested:
    """Read in after an earlier reading; the probe that asks for the model's name is forgotten."""
    (folder / "policy.md").write_text(text)
    known = _known(before) if before else lambda _key, _basis: None
    read = await ingest(
        folder / "policy.md", "policy.md", None, embedder=embedder, call=CALL, progress=quietly, known=known
    )
    embedder.asked.remove("?")
    return read


async def test_a_file_becomes_chunks_with_vectors(tmp_path: Path) -> None:
    (tmp_path / "policy.md").write_text(PARTS)
    steps: list[tuple[int, int]] = []

    async def progress(done: int, total: int) -> None:
        steps.append((done, total))

    read = await ingest(
        tmp_path / "policy.md", "policy.md", None, embedder=HashingEmbedder(), call=CALL, progress=progress
    )
    count = len(read.chunks)
    assert count > BATCH
    assert read.embedded == count
    for draft, vector in read.chunks:
        assert draft.text == draft.span.within(read.document.text)
        assert np.linalg.norm(np.frombuffer(vector, dtype="<f4")) == pytest.approx(1.0, abs=1e-5)
    assert steps == [(0, count), (BATCH, count), (count, count)]


async def test_only_what_changed_is_embedded(tmp_path: Path) -> None:
    embedder = RecordingEmbedder()
    before = await _read(tmp_path, PARTS, embedder)
    embedder.asked.clear()
    after = await _read(
        tmp_path, PARTS.replace("# Part 7\n\n", "# Part 7\n\nThis is new. "), embedder, before
    )
    assert after.embedded == len(embedder.asked) < 4
    assert any("This is new." in asked for asked in embedder.asked)
    assert {draft.text: vector for draft, vector in after.chunks if "This" not in draft.text}.items() <= {
        draft.text: vector for draft, vector in before.chunks
    }.items()
    assert len(after.chunks) == len(before.chunks)


@pytest.mark.parametrize("change", ["model", "form", "title"])
async def test_another_model_form_or_title_makes_other_vectors(tmp_path: Path, change: str) -> None:
    before = await _read(tmp_path, PARTS, RecordingEmbedder())
    embedder = RecordingEmbedder(
        "two" if change == "model" else "one", "q8" if change == "form" else "float32"
    )
    titled = f"---\ntitle: Rules\n---\n{PARTS}" if change == "title" else PARTS
    after = await _read(tmp_path, titled, embedder, before)
    assert after.embedded == len(after.chunks) == len(before.chunks)
    assert [draft.key for draft, _ in after.chunks] == [draft.key for draft, _ in before.chunks]


async def test_chunks_are_sized_by_the_models_own_count(tmp_path: Path) -> None:
    """One token a word makes larger chunks than the estimate, none of them too large."""
    (tmp_path / "policy.txt").write_text(" ".join(["Internationalisation everywhere."] * 600))
    embedder = RecordingEmbedder()
    counted = await ingest(
        tmp_path / "policy.txt",
        "policy.txt",
        None,
        embedder=embedder,
        call=CALL,
        progress=quietly,
        counter=embedder,
    )
    estimated = await ingest(
        tmp_path / "policy.txt", "policy.txt", None, embedder=embedder, call=CALL, progress=quietly
    )
    assert len(counted.chunks) < len(estimated.chunks)
    assert all(len(draft.text.split()) <= 224 * 1.1 for draft, _ in counted.chunks)


async def test_a_model_that_fails_ends_it_and_leaves_no_request_behind(tmp_path: Path) -> None:
    waiting: list[asyncio.Task[object] | None] = []

    class Failing(HashingEmbedder):
        async def embed(self, texts: Sequence[str], call: CallContext) -> EmbeddingResult:
            waiting.append(asyncio.current_task())
            await asyncio.sleep(60 if len(waiting) == 2 else 0.01)
            raise ModelError("unreachable", "gone", retryable=True)

    read = await _read(tmp_path, PARTS, RecordingEmbedder())
    drafts = [draft for draft, _ in read.chunks]
    with pytest.raises(ModelError):
        await embed_chunks("t", drafts, embedder=Failing(), call=CALL, progress=quietly)
    assert len(waiting) == 2
    assert all(task is not None and task.done() for task in waiting)


async def test_vectors_of_two_models_never_make_one_document(tmp_path: Path) -> None:
    """The model server was started anew with another model meanwhile."""

    class Exchanged(RecordingEmbedder):
        async def embed(self, texts: Sequence[str], call: CallContext) -> EmbeddingResult:
            self.name = "two" if len(self.asked) > BATCH else "one"
            return await super().embed(texts, call)

    (tmp_path / "policy.md").write_text(PARTS)
    with pytest.raises(ModelError) as failed:
        await ingest(
            tmp_path / "policy.md", "policy.md", None, embedder=Exchanged(), call=CALL, progress=quietly
        )
    assert failed.value.retryable


@pytest.mark.parametrize(
    "text", ["row of a table " * 100 + "\n", "x" * 5_000_000, "Wort für Wort " * 400_000]
)
async def test_however_much_a_text_holds_no_request_is_too_large(text: str) -> None:
    class Bounded(RecordingEmbedder):
        async def count_embedded(self, texts: Sequence[str], call: CallContext) -> list[int]:
            assert len("".join(texts).encode()) < 2**20
            return await super().count_embedded(texts, call)

    texts = [text, "short", *[text] * (3_000 if len(text) < 10_000 else 0), "also short"]
    tokens = AskedTokens(Bounded(), CALL, asyncio.get_running_loop())
    counts = await asyncio.to_thread(tokens.count, texts)
    assert (counts[1], counts[-1], len(counts)) == (3, 4, len(texts))
    assert counts[0] > 256


async def test_a_rejected_file_embeds_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"no pdf at all")

    async def progress(_done: int, _total: int) -> None:
        pytest.fail("nothing to report")

    with pytest.raises(DocumentRejectedError):
        await ingest(
            tmp_path / "a.pdf", "a.pdf", None, embedder=HashingEmbedder(), call=CALL, progress=progress
        )
