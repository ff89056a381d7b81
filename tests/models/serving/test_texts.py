"""Ranks, labels and tokens over real HTTP."""

import contextlib
import math
import re
from typing import Any

import httpx
import pytest

from secretariat.models.client import Classifier, Reranker, TokenCounter
from secretariat.models.core import CallContext, ChatRequest, ChoiceConstraint, SamplingParams
from secretariat.models.remote import RemoteModels
from tests.models.serving.toy_server import TOKEN, ToyServer

Json = dict[str, Any]
CALL = CallContext("tests", "r")
DOCUMENTS = ["aaa", "hhh", "aab", "bbb"]


async def post(server: ToyServer, path: str, body: object) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as http:
        return await http.post(path, json=body, headers=server.headers)


async def test_ranks_are_by_cosine_and_say_so(toy_server: ToyServer):
    asked = {"query": "aaaa", "documents": DOCUMENTS, "return_documents": True, "top_n": 3}
    reply = (await post(toy_server, "/v1/rerank", asked)).json()
    assert (reply["model"], reply["method"]) == ("letters", "embedding_cosine")
    assert [item["index"] for item in reply["results"]] == [0, 2, 1]
    assert [item["document"]["text"] for item in reply["results"]] == ["aaa", "aab", "hhh"]
    scores = [item["relevance_score"] for item in reply["results"]]
    assert scores == sorted(scores, reverse=True)
    assert all(-1 <= score <= 1 + 1e-6 for score in scores)
    objects = {"query": "aaaa", "documents": [{"text": text, "id": "x"} for text in DOCUMENTS]}
    again = (await post(toy_server, "/v1/rerank", objects)).json()
    assert [item["index"] for item in again["results"]][:3] == [0, 2, 1]
    assert "document" not in again["results"][0]


async def test_late_interaction_ranks_by_each_token_of_the_query(toy_server: ToyServer):
    asked = {"query": "abcd", "documents": ["aaaa", "hgdcba", "abc"], "method": "late_interaction"}
    reply = (await post(toy_server, "/v1/rerank", asked)).json()
    assert reply["method"] == "late_interaction"
    ranked = [(item["index"], item["relevance_score"]) for item in reply["results"]]
    assert ranked == [(1, 1.0), (2, 0.75), (0, 0.25)]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"method": "magic"}, "method"),
        ({"documents": []}, "documents"),
        ({"query": ""}, "query"),
        ({"top_n": 0}, "top_n"),
        ({"max_chunks_per_doc": 3}, "max_chunks_per_doc"),
        ({"model": "toy"}, "model"),
    ],
)
async def test_ranking_refuses_by_name(toy_server: ToyServer, fields: Json, param: str):
    response = await post(toy_server, "/v1/rerank", {"query": "a", "documents": DOCUMENTS} | fields)
    assert response.status_code in (400, 404)
    assert response.json()["error"]["param"] == param


async def test_label_probabilities_are_those_of_drawing_under_the_constraint(toy_server: ToyServer):
    """Shared beginnings, a label that begins another, letters of two bytes, tokens that span several letters."""
    labels = ["no", "not the", "nine", "é", "è", "yes"]
    asked = {"input": "was it good?", "labels": labels}
    (item,) = (await post(toy_server, "/v1/classify", asked)).json()["data"]
    shares = {score["label"]: score["probability"] for score in item["scores"]}
    assert shares.keys() == set(labels)
    assert sum(shares.values()) == pytest.approx(1, abs=1e-6)
    assert item["label"] == max(shares, key=shares.__getitem__)
    drawn = await drawn_shares(toy_server, labels, item["scores"][0]["label"])
    assert shares[item["scores"][0]["label"]] == pytest.approx(drawn, abs=1e-4)


async def drawn_shares(server: ToyServer, labels: list[str], label: str) -> float:
    """The share of a label, added up from the log-probabilities along every spelling that is drawn."""
    from secretariat.models.engine.labels import asking

    seen = dict[tuple[str, ...], float]()
    for seed in range(40):
        sampling = SamplingParams(max_tokens=20, temperature=1.0, seed=seed, top_logprobs=0, speculate=False)
        request = ChatRequest(
            asking("was it good?", labels, ""), sampling=sampling, constraint=ChoiceConstraint(tuple(labels))
        )
        result = await server.models.chat_model.chat(request, CALL)
        if result.text == label:
            path = tuple(entry.token for entry in result.logprobs)
            seen[path] = math.exp(sum(entry.logprob for entry in result.logprobs))
    return sum(seen.values())


async def test_labels_by_embedding(toy_server: ToyServer):
    asked = {"input": ["aaaa", "bbbb"], "labels": ["a", "b"], "by": "embedding"}
    reply = (await post(toy_server, "/v1/classify", asked)).json()
    assert (reply["model"], reply["method"]) == ("letters", "embedding")
    assert [item["label"] for item in reply["data"]] == ["a", "b"]
    assert all(sum(s["probability"] for s in item["scores"]) == pytest.approx(1) for item in reply["data"])


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"labels": ["one"]}, 400, None),
        ({"labels": ["a", "a"]}, 400, None),
        ({"labels": ["a", ""]}, 400, "labels.1"),
        ({"task": "token"}, 400, None),
        ({"task": "token", "labels": []}, 404, "model"),
        ({"task": "token", "labels": [], "model": "toy"}, 404, "model"),
        ({"task": "token", "labels": [], "by": "embedding"}, 400, None),
        ({"by": "head"}, 400, None),
        ({"by": "head", "labels": []}, 404, "model"),
        ({"aggregation": "none"}, 400, None),
        ({"by": "embedding", "instruction": "be strict"}, 400, None),
        ({"by": "magic"}, 400, "by"),
        ({"model": "letters"}, 404, "model"),
    ],
)
async def test_classifying_refuses_by_name(
    toy_server: ToyServer, fields: Json, status: int, param: str | None
):
    response = await post(toy_server, "/v1/classify", {"input": "x", "labels": ["a", "b"]} | fields)
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)


async def test_tokens_there_and_back(toy_server: ToyServer):
    texts = ["abc the", "", "é"]
    reply = (await post(toy_server, "/v1/tokenize", {"texts": texts, "return_tokens": True})).json()
    assert reply["counts"] == [4, 0, 1]
    assert [len(row) for row in reply["tokens"]] == reply["counts"]
    rows = [row for row in reply["tokens"] if row]
    assert (await post(toy_server, "/v1/detokenize", {"tokens": rows})).json() == {"texts": ["abc the", "é"]}
    beyond = await post(toy_server, "/v1/detokenize", {"tokens": [[9999]]})
    assert (beyond.status_code, beyond.json()["error"]["param"]) == (400, "tokens")


async def test_texts_are_counted_as_the_embedder_reads_them(toy_server: ToyServer):
    texts = ["a", "abc the", "a" * 1000]
    async with contextlib.aclosing(RemoteModels(toy_server.url, TOKEN)) as remote:
        counter: TokenCounter = remote
        counted = await counter.count_embedded(texts, CALL)
    assert counted == await toy_server.models.embedder.count_embedded(texts, CALL)
    beyond = await post(
        toy_server, "/v1/tokenize", {"texts": texts, "kind": "embedding", "return_tokens": True}
    )
    assert beyond.status_code == 400


async def test_the_client_ranks_and_classifies(toy_server: ToyServer):
    async with contextlib.aclosing(RemoteModels(toy_server.url, TOKEN)) as remote:
        seams: tuple[Reranker, Classifier] = (remote, remote)
        ranked = await seams[0].rerank("aaaa", DOCUMENTS, CALL, 2)
        classified = await seams[1].classify(["a", "b"], ["yes", "no"], CALL)
    assert ranked == await toy_server.models.embedder.rerank("aaaa", DOCUMENTS, CALL, 2)
    here = await toy_server.models.chat_model.classify(["a", "b"], ["yes", "no"], CALL)
    assert [row[0].label for row in classified.scores] == [row[0].label for row in here.scores]
    assert classified.usage == here.usage


async def test_a_regex_and_sources_bind_an_answer(toy_server: ToyServer):
    async def said(**form: object) -> str:
        body: Json = {
            "messages": [{"role": "user", "content": "?"}], "response_format": form, "max_tokens": 20,
            "temperature": 0,
        }  # fmt: skip
        reply = (await post(toy_server, "/v1/chat/completions", body)).json()
        return str(reply["choices"][0]["message"]["content"])

    assert re.fullmatch("[0-9]{3}-[0-9]{2}", await said(type="regex", regex="[0-9]{3}-[0-9]{2}"))
    assert await said(type="verbatim_span", sources=["alpha"]) == "alpha"
    assert await said(type="verbatim_span", sources=["alpha"], otherwise="-") in {"alpha", "-"}
