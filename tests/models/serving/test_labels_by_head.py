"""Labels by a checkpoint's own head, over real HTTP: as transformers' pipelines give them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from secretariat.models.engine.embedding import LocalEmbedder
from secretariat.models.engine.labelling import LocalLabeller
from secretariat.models.engine.local import LocalChat
from secretariat.models.nets.load_encoder import load_labeller
from secretariat.models.serving.listing import Listing, listings
from secretariat.models.serving.shelf import Shelf
from tests.models.engine.toy import random_network, toy_chat
from tests.models.nets.tiny_encoders import LABELS, TEXTS, save_labeller
from tests.models.serving.toy_server import TOKEN, LetterCounts, serve

Json = dict[str, Any]
ASKED = [text for text in TEXTS if text]
KINDS = {"names": ("Bert", "token"), "topics": ("Roberta", "text"), "traits": ("DistilBert", "text")}


@dataclass(frozen=True)
class Labelling:
    """A server with a model of each kind, and the same models of transformers."""

    url: str
    directory: Path
    theirs: dict[str, Any]

    def post(self, **body: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return httpx.post(f"{self.url}/v1/classify", json=body, headers=headers, trust_env=False, timeout=30)

    def pipeline(self, task: str, model: str) -> Any:
        import transformers

        tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_file=str(self.directory / model / "tokenizer.json"),
            unk_token="[UNK]",
            pad_token="[PAD]",
        )
        make: Any = transformers.pipeline  # overloaded by the names of tasks
        return make(task, model=self.theirs[model], tokenizer=tokenizer)


@pytest.fixture(scope="module")
def labelling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Labelling]:
    directory = tmp_path_factory.mktemp("models")
    several = {"problem_type": "multi_label_classification"}
    theirs = {
        name: save_labeller(directory / name, *kind, **(several if name == "traits" else {}))
        for name, kind in KINDS.items()
    }
    listed = listings(directory, {}, [])
    assert {name: entry.kind for name, entry in listed.items()} == dict.fromkeys(KINDS, "classifier")
    listed |= {
        "toy": Listing("toy", "chat", Path(), 1),
        "letters": Listing("letters", "embedding", Path(), 1),
    }

    def load(listing: Listing) -> LocalChat | LocalEmbedder | LocalLabeller:
        if listing.name in KINDS:
            return LocalLabeller(load_labeller(listing.path), listing.bytes)
        if listing.kind == "embedding":
            return LocalEmbedder(LetterCounts())
        return LocalChat(toy_chat(random_network())).start()

    with serve(Shelf(listed, load, chat="toy", embedder="letters", classifier="names")) as url:
        yield Labelling(url, directory, theirs)


@pytest.mark.parametrize("aggregation", ["simple", "none"])
def test_tokens_get_the_labels_that_transformers_gives_them(labelling: Labelling, aggregation: str):
    reply = labelling.post(input=ASKED, task="token", aggregation=aggregation).json()
    assert (reply["model"], reply["method"]) == ("names", "head")
    pipeline = labelling.pipeline("token-classification", "names")
    assert [item["index"] for item in reply["data"]] == list(range(len(ASKED)))
    for text, item in zip(ASKED, reply["data"], strict=True):
        expected = pipeline(text, aggregation_strategy=aggregation)
        assert [(span["start"], span["end"]) for span in item["spans"]] == [
            (span["start"], span["end"]) for span in expected
        ]
        for ours, theirs in zip(item["spans"], expected, strict=True):
            assert ours["label"] == theirs["entity_group" if aggregation == "simple" else "entity"]
            assert ours["text"] == text[ours["start"] : ours["end"]]
            assert ours["probability"] == pytest.approx(float(theirs["score"]), abs=1e-5)
    found = {span["label"] for item in reply["data"] for span in item["spans"]}
    assert found <= ({"PER", "ORG"} if aggregation == "simple" else set(LABELS) - {"O"})
    assert found


@pytest.mark.parametrize("model", ["topics", "traits"])
def test_texts_get_the_labels_that_transformers_gives_them(labelling: Labelling, model: str):
    reply = labelling.post(input=ASKED, by="head", model=model).json()
    assert (reply["model"], reply["method"]) == (model, "head")
    pipeline = labelling.pipeline("text-classification", model)
    for text, item in zip(ASKED, reply["data"], strict=True):
        expected = {entry["label"]: entry["score"] for entry in pipeline(text, top_k=None)}
        shares = {score["label"]: score["probability"] for score in item["scores"]}
        assert shares == pytest.approx(expected, abs=1e-5)
        assert item["label"] == max(shares, key=shares.__getitem__)
        if model == "topics":
            assert sum(shares.values()) == pytest.approx(1)
    lengths = [len(entry.ids) for entry in load_labeller(labelling.directory / model).encode(ASKED)]
    assert reply["usage"]["prompt_tokens"] == sum(lengths)


def test_a_text_gets_the_same_labels_in_any_company(labelling: Labelling):
    texts = [*ASKED, *ASKED] * 3  # more than go through at once
    together = labelling.post(input=texts, task="token").json()["data"]
    for text, item in zip(texts, together, strict=True):
        (alone,) = labelling.post(input=text, task="token").json()["data"]
        assert [span["label"] for span in alone["spans"]] == [span["label"] for span in item["spans"]]


@pytest.mark.parametrize(
    ("body", "status", "param", "said"),
    [
        ({"task": "token", "model": "topics"}, 400, "task", "label each text"),
        ({"by": "head", "model": "names"}, 400, "task", "label each token"),
        ({"by": "head", "labels": ["a", "b"]}, 400, None, "leave labels out"),
        ({"task": "token", "model": "toy"}, 404, "model", "kind chat, not classifier"),
        ({"task": "token", "model": "nobody"}, 404, "model", "no such model"),
        ({"labels": ["a", "b"], "model": "names"}, 404, "model", "kind classifier, not chat"),
        ({"task": "token", "input": ["a", "anna " * 70]}, 400, "input", "text 1 has 72 tokens"),
    ],
)
def test_what_a_head_cannot_do_is_said(
    labelling: Labelling, body: Json, status: int, param: str | None, said: str
):
    response = labelling.post(**{"input": "x"} | body)
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (status, param)
    assert said in error["message"]


def test_the_list_of_models_names_them(labelling: Labelling):
    labelling.post(input="x", by="head", model="topics")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    listed = httpx.get(f"{labelling.url}/v1/models", headers=headers, trust_env=False).json()["data"]
    card = next(entry["secretariat"] for entry in listed if entry["id"] == "topics")
    file = labelling.directory / "topics" / "model.safetensors"
    assert (card["kind"], card["family"], card["form"]) == ("classifier", "roberta", "float32")
    assert (card["loaded"], card["context_length"], card["bytes"]) == (True, 62, file.stat().st_size)
