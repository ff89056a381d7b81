"""Adapters by name over real HTTP: loaded from the server's directory, asked for by a request, unloaded."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from safetensors.torch import load_file, save_file

from secretariat.models.engine.embedding import LocalEmbedder
from secretariat.models.engine.local import LocalChat, LocalModels
from secretariat.models.nets.adapters import AdapterPlan
from secretariat.models.nets.decoder import TorchNetwork
from secretariat.models.serving.listing import Listing
from secretariat.models.serving.shelf import Shelf
from tests.models.engine.toy import random_decoder, toy_chat
from tests.models.serving.toy_server import LetterCounts, ToyServer, serve

SETTINGS = '{"peft_type": "LORA", "r": 4, "lora_alpha": 64}'
SHAPES = {"q_proj": (32, 32), "v_proj": (16, 32), "o_proj": (32, 32)}


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with adapters "tenth" and "tiny", and one that isn't whole."""
    directory = tmp_path_factory.mktemp("adapters")
    for seed, name in enumerate(("tenth", "tiny", "broken")):
        draw = torch.Generator().manual_seed(seed)
        (directory / name).mkdir()
        (directory / name / "adapter_config.json").write_text(SETTINGS)
        tensors = {
            f"base_model.model.model.layers.{layer}.self_attn.{module}.lora_{side}.weight": torch.randn(
                shape, generator=draw
            )
            for layer in range(2)
            for module, (outputs, inputs) in SHAPES.items()
            for side, shape in (("A", (4, inputs)), ("B", (outputs, 4)))
        }
        if name == "broken":
            tensors.popitem()
        save_file(tensors, directory / name / "adapter_model.safetensors")
    return directory


@pytest.fixture(scope="module")
def server(adapters: Path) -> Iterator[ToyServer]:
    network = TorchNetwork(random_decoder(), adapters=AdapterPlan(rows=1, rank=4))
    chat = LocalChat(toy_chat(network)).start()
    embedder = LocalEmbedder(LetterCounts())
    models: dict[str, LocalChat | LocalEmbedder] = {"toy": chat, "letters": embedder}
    listed = {
        "toy": Listing("toy", "chat", Path(), 1),
        "letters": Listing("letters", "embedding", Path(), 1),
    }
    shelf = Shelf(listed, lambda listing: models[listing.name], chat="toy", embedder="letters")
    with serve(shelf, adapters) as url:
        yield ToyServer(url, LocalModels(chat, embedder))


async def call(server: ToyServer, method: str, path: str, body: object = None) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as http:
        return await http.request(method, path, json=body, headers=server.headers)


async def said(server: ToyServer, adapter: str | None) -> httpx.Response:
    messages = [{"role": "user", "content": "hello there"}]
    body: dict[str, Any] = {"messages": messages, "max_tokens": 8, "temperature": 0, "adapter": adapter}
    return await call(server, "POST", "/v1/chat/completions", body)


async def test_an_adapter_comes_answers_and_goes(server: ToyServer):
    plain = (await said(server, None)).json()["choices"][0]["message"]["content"]
    loaded = await call(server, "POST", "/v1/adapters", {"name": "mine", "source": "tenth"})
    assert (loaded.status_code, loaded.json()["id"]) == (201, "mine")
    listed = (await call(server, "GET", "/v1/adapters")).json()
    assert listed == {"object": "list", "data": [{"id": "mine", "object": "adapter", "model": "toy"}]}
    adapted = (await said(server, "mine")).json()["choices"][0]["message"]["content"]
    assert adapted != plain
    assert (await said(server, None)).json()["choices"][0]["message"]["content"] == plain
    full = await call(server, "POST", "/v1/adapters", {"name": "tiny"})
    assert (full.status_code, full.json()["error"]["code"]) == (429, "overloaded")
    assert (await call(server, "DELETE", "/v1/adapters/mine")).json()["deleted"] is True
    gone = await said(server, "mine")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "adapter_not_found")
    assert (await call(server, "POST", "/v1/adapters", {"name": "tiny"})).status_code == 201
    await call(server, "DELETE", "/v1/adapters/tiny")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "nowhere"}, 404, "adapter_not_found"),
        ({"name": "broken"}, 400, "adapter_invalid"),
        ({"name": "x", "source": ".."}, 400, "invalid_request"),
        ({"name": "x", "source": "../adapters"}, 400, "invalid_request"),
        ({"name": "x", "source": "/etc"}, 400, "invalid_request"),
        ({"name": "tenth", "model": "letters"}, 404, "model_not_found"),
    ],
)
async def test_what_cannot_be_loaded_is_said(server: ToyServer, body: dict[str, str], status: int, code: str):
    response = await call(server, "POST", "/v1/adapters", body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert (await call(server, "GET", "/v1/adapters")).json()["data"] == []


async def test_an_adapter_of_some_layers_comes_when_that_is_meant(server: ToyServer, adapters: Path):
    whole = load_file(adapters / "tiny" / "adapter_model.safetensors")
    (adapters / "half").mkdir()
    (adapters / "half" / "adapter_config.json").write_text(SETTINGS)
    first = {name: tensor for name, tensor in whole.items() if ".layers.0." in name}
    save_file(first, adapters / "half" / "adapter_model.safetensors")
    refused = await call(server, "POST", "/v1/adapters", {"name": "half"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "adapter_invalid")
    assert "1 of 2 layers, not of layers 1:" in refused.json()["error"]["message"]
    assert (await call(server, "POST", "/v1/adapters", {"name": "half", "partial": True})).status_code == 201
    assert (await said(server, "half")).status_code == 200
    await call(server, "DELETE", "/v1/adapters/half")


async def test_nothing_is_unloaded_that_is_not_there(server: ToyServer):
    assert (await call(server, "DELETE", "/v1/adapters/none")).status_code == 404


async def test_without_room_for_adapters_that_is_said(toy_server: ToyServer):
    response = await call(toy_server, "POST", "/v1/adapters", {"name": "tenth"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request")
    assert (await call(toy_server, "GET", "/v1/adapters")).json()["data"] == []


async def test_metrics_need_the_token_and_name_nobody(toy_server: ToyServer):
    await said(toy_server, None)
    async with httpx.AsyncClient(base_url=toy_server.url, trust_env=False) as http:
        assert (await http.get("/metrics")).status_code == 401
        response = await http.get("/metrics", headers=toy_server.headers)
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = response.text.splitlines()
    drawn = next(
        line for line in lines if line.startswith('secretariat_model_tokens_drawn_total{model="toy"}')
    )
    assert int(drawn.split()[-1]) >= 8
    assert "tests" not in response.text
    assert "hello" not in response.text
    named = {line.split("{")[0].split()[0] for line in lines if not line.startswith("#")}
    assert named <= {line.split()[2] for line in lines if line.startswith("# TYPE")}
