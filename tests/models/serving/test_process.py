"""The server as a process over the real weights."""

import json
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from tests.models.serving.server import TOKEN, ModelServer, ask, await_failure, start_server, stop_server

pytestmark = pytest.mark.weights

Json = dict[str, Any]
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "skills": {"type": "array", "items": {"enum": ["law", "tax", "audit"]}, "maxItems": 2},
    },
    "required": ["name", "age", "skills"],
    "additionalProperties": False,
}
DOCUMENTS = (
    "Pump P-3.5 is guaranteed for 24 months.\n\nWear parts – seals, “O”-rings – are excluded.",
    "Die Gewährleistung für Kölner Anlagen beträgt 36 Monate; sie beginnt mit der Übergabe.",
    "保証期間は二年です。 Returns: returns@example.org, within 14 days (unopened).",
)


@pytest.fixture
def http(model_server: ModelServer):
    headers = {"Authorization": f"Bearer {model_server.token}", "X-Secretariat-Tenant": "tests"}
    with httpx.Client(base_url=model_server.url, headers=headers, trust_env=False, timeout=120) as client:
        yield client


def content(reply: Json) -> str:
    return str(reply["choices"][0]["message"]["content"])


def test_it_listens_while_it_loads(model_server: ModelServer):
    assert model_server.first_answer == 503


def test_it_knows_the_capital_of_france(http: httpx.Client):
    reply = ask(http, "Name the capital of France.", max_tokens=12)
    assert "Paris" in content(reply)
    assert len(reply["secretariat"]["weights_sha256"]) == 64


def test_json_parses_and_validates(http: httpx.Client):
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA}}
    for seed, temperature in ((0, 0), (1, 1.5)):
        reply = ask(
            http, "Describe a lawyer as JSON.", response_format=form, temperature=temperature, seed=seed
        )
        assert reply["choices"][0]["finish_reason"] == "stop"
        jsonschema.validate(json.loads(content(reply)), SCHEMA)


@pytest.mark.parametrize(
    ("question", "limit"),
    [
        ("How long is the pump guaranteed?", 40),
        ("Wie lange gilt die Gewährleistung?", 6),
        ("返品は?", 3),
        ("Who painted it?", 40),
    ],
)
def test_a_verbatim_span_is_in_a_document_even_when_cut(http: httpx.Client, question: str, limit: int):
    span = {"texts": DOCUMENTS, "otherwise": "NOT STATED"}
    reply = ask(
        http,
        f"Answer with words copied from the documents.\n{chr(10).join(DOCUMENTS)}\n\n{question}",
        response_format={"type": "verbatim_span", "verbatim_span": span},
        max_tokens=limit,
        temperature=0.7,
        seed=4,
    )
    text = content(reply)
    assert text in ("", "NOT STATED") or any(text in document for document in DOCUMENTS)
    assert text == text.strip()
    assert text or reply["choices"][0]["finish_reason"] == "length"


def test_a_choice_is_one_of_them_and_says_how_sure(http: httpx.Client):
    form: Json = {"type": "choice", "choice": {"choices": ["question", "request", "complaint"]}}
    reply = ask(http, "Classify: 'Where is my invoice?'", response_format=form, logprobs=True)
    assert content(reply) in form["choice"]["choices"]
    entries = reply["choices"][0]["logprobs"]["content"]
    assert entries[0]["logprob"] < 0


def test_a_stream_equals_the_whole(http: httpx.Client):
    whole = ask(http, "Say hello to Zoë in one sentence.", max_tokens=16)
    body = {
        "messages": [{"role": "user", "content": "Say hello to Zoë in one sentence."}],
        "max_tokens": 16,
        "temperature": 0,
        "stream": True,
    }
    text = ""
    with http.stream("POST", "/v1/chat/completions", json=body) as response:
        for line in response.iter_lines():
            if line.startswith("data: {"):
                text += json.loads(line[6:])["choices"][0]["delta"].get("content", "")
    assert text == content(whole)


def test_a_repeated_prompt_is_cached(http: httpx.Client):
    question = "Repeat after me. " * 12
    first, second = (ask(http, question, max_tokens=3) for _ in range(2))
    assert second["usage"]["prompt_tokens_details"]["cached_tokens"] >= 48
    assert content(first) == content(second)


def test_meanings_that_are_near_have_near_vectors(http: httpx.Client):
    texts = ["The contract was cancelled.", "The agreement was terminated.", "Cats sleep in the sun."]
    reply = http.post("/v1/embeddings", json={"input": texts, "model": "all-minilm-l6-v2"}).json()
    first, second, third = (item["embedding"] for item in reply["data"])
    assert len(first) == 384
    near, far = (sum(a * b for a, b in zip(first, other, strict=True)) for other in (second, third))
    assert near > 0.6
    assert far < 0.3


def test_no_word_of_a_conversation_reaches_the_log(http: httpx.Client, model_server: ModelServer):
    ask(http, "Zyzzogeton pays 4711 florins", max_tokens=2)
    log = model_server.log.read_text()
    assert "POST /v1/chat/completions 200" in log
    assert "Zyzzogeton" not in log
    assert model_server.token not in log


def test_missing_weights_are_said_and_sigterm_ends_it_cleanly(tmp_path: Path):
    server = start_server(tmp_path, tmp_path)
    try:
        said = await_failure(server)
        assert (said["status"], said["code"]) == ("failed", "weights_missing")
        refused = httpx.get(
            f"{server.url}/v1/models", headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False
        )
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "weights_missing")
    finally:
        assert stop_server(server) == 0


def test_a_grounded_answer_cites_what_is_there(http: httpx.Client):
    documents = [{"id": str(number), "text": text} for number, text in enumerate(DOCUMENTS)]
    for mode in ("accurate", "fast"):
        reply = ask(http, "How long is the pump guaranteed?", documents=documents, citation_mode=mode)
        message = reply["choices"][0]["message"]
        assert "<co:" not in message["content"]
        for citation in message["citations"]:
            assert message["content"][citation["start"] : citation["end"]] == citation["text"]
            (*named,) = (DOCUMENTS[int(name)] for name in citation["document_ids"])
            assert mode == "fast" or all(citation["text"] in text for text in named)


def test_texts_are_ranked_and_labelled_by_what_they_mean(http: httpx.Client):
    query = {"query": "When does the warranty of the pump end?", "documents": DOCUMENTS, "top_n": 1}
    ranked = http.post("/v1/rerank", json=query).json()
    assert [item["index"] for item in ranked["results"]] == [0]
    asked: Json = {"input": ["I want my money back!"], "labels": ["complaint", "weather report"]}
    for by in ("likelihood", "embedding"):
        reply = http.post("/v1/classify", json=asked | {"by": by})
        assert reply.status_code == 200, reply.text
        (item,) = reply.json()["data"]
        assert sum(score["probability"] for score in item["scores"]) == pytest.approx(1)
        assert by == "likelihood" or item["label"] == "complaint"


def test_a_model_is_known_by_its_name_and_whether_it_is_loaded(http: httpx.Client):
    card = http.get("/v1/models/smollm2-135m-instruct").json()["secretariat"]
    assert (card["loaded"], card["kind"], card["context_length"]) == (True, "chat", 8192)
