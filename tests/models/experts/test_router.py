"""A router over real embeddings: finds the expert, says how sure it is, leaves strangers to the general one."""

import json
from pathlib import Path

import numpy as np
import pytest

from secretariat.models.core import CallContext
from secretariat.models.engine.embedding import LocalEmbedder
from secretariat.models.errors import ModelError
from secretariat.models.experts.fitting import Labelled, fit
from secretariat.models.experts.router import Kind, Router
from secretariat.models.experts.router_files import read_router, save_router
from tests.models.serving.toy_server import LetterCounts
from tests.support.weights import embedder as real_embedder

EXPERTS = ("answer", "plan", "extract", "chat")
CALL = CallContext("t", "r")
SUBJECTS = ("the spring fair", "our new office", "the annual audit", "a customer visit", "the data centre",
            "the parental leave policy", "a late invoice", "the holiday party", "the printer contract",
            "an intern's first week", "the fire drill", "the board meeting")  # fmt: skip
ASKED = {
    "answer": ("What do the sources say about {}?", "According to the document, when does {} begin?"),
    "plan": ("List the steps to organise {} and who does each.", "Make a plan of tasks for {}."),
    "extract": ("Return the names and dates in this text about {} as JSON.", "Fill in the fields from {}."),
    "chat": ("Hi there! I'm excited about {}.", "Thanks, you were a great help with {}!"),
}


def requests(subjects: tuple[str, ...]) -> tuple[list[str], np.ndarray]:
    found = [
        (form.format(subject), number)
        for number, expert in enumerate(EXPERTS)
        for form in ASKED[expert]
        for subject in subjects
    ]
    return [text for text, _ in found], np.array([number for _, number in found])


def labelled(subjects: tuple[str, ...]) -> Labelled:
    texts, labels = requests(subjects)
    return Labelled(real_embedder().embed_counted(texts)[0], labels)


@pytest.fixture(scope="module", params=["linear", "nearest"])
def router(request: pytest.FixtureRequest) -> Router:
    kind: Kind = request.param
    sha256 = real_embedder().identity.weights_sha256
    return fit(
        labelled(SUBJECTS[:6]), labelled(SUBJECTS[6:9]), EXPERTS,
        general="chat", embedder=sha256, kind=kind, neighbours=5,
    )  # fmt: skip


async def test_requests_find_their_expert(router: Router):
    texts, labels = requests(SUBJECTS[9:])
    embedder = LocalEmbedder(real_embedder())
    routes = await router.choose(texts, embedder, CALL)
    embedder.close()
    right = [route.likeliest == EXPERTS[label] for route, label in zip(routes, labels, strict=True)]
    assert sum(right) >= 0.95 * len(right)
    assert all(0.25 <= route.probability <= 1 and 0 <= route.margin <= 1 for route in routes)


async def test_what_is_like_no_example_goes_to_the_general_expert(router: Router):
    embedder = LocalEmbedder(real_embedder())
    (route,) = await router.choose(["qzx 77 ööö ~~~ 9 vvv bnm"], embedder, CALL)
    embedder.close()
    assert (route.abstained, route.expert) == (True, "chat")


async def test_another_embedders_vectors_are_refused(router: Router):
    embedder = LocalEmbedder(LetterCounts())
    with pytest.raises(ModelError, match="another embedder"):
        await router.choose(["hello"], embedder, CALL)
    embedder.close()


def test_files_give_the_same_router_and_what_was_changed_is_refused(router: Router, tmp_path: Path):
    save_router(router, tmp_path / "one", {"accuracy": 1.0})
    vectors = labelled(SUBJECTS[9:]).vectors_ND
    assert read_router(tmp_path / "one").route(vectors) == router.route(vectors)
    meaning = json.loads((tmp_path / "one" / "router.json").read_text())
    assert meaning["held_out"] == {"accuracy": 1.0}
    with pytest.raises(ModelError) as missing:
        read_router(tmp_path / "two")
    assert missing.value.code == "weights_missing"
    data = bytearray((tmp_path / "one" / "router.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "one" / "router.safetensors").write_bytes(data)
    with pytest.raises(ModelError, match="isn't what"):
        read_router(tmp_path / "one")


def test_an_expert_without_an_example_is_said():
    vectors = np.eye(4, dtype=np.float32)
    some = Labelled(vectors[:3], np.array([0, 1, 2]))
    with pytest.raises(ModelError, match="'chat'"):
        fit(some, some, EXPERTS, general="chat", embedder="")
