"""A model with experts over real HTTP: whoever asks it is answered by the expert that the request is for."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from secretariat.models.engine.embedding import LocalEmbedder
from secretariat.models.errors import ModelError
from secretariat.models.experts.fitting import Labelled, fit
from secretariat.models.experts.router_files import save_router
from secretariat.models.experts.team import read_team
from secretariat.models.serving.__main__ import parse
from secretariat.models.serving.listing import Listing, listings
from secretariat.models.serving.loading import loader, sizer
from secretariat.models.serving.shelf import Shelf
from secretariat.models.training.data.plan_form import Action, plan_schema
from tests.models.serving.toy_server import TOKEN, LetterCounts, serve
from tests.models.training.tiny_chat import tiny_chat

SHAPES = {"q_proj": (32, 32), "v_proj": (16, 32), "o_proj": (32, 32)}
EXPERTS = {
    "chat": {"about": "everything else"},
    "plan": {"about": "plans", "adapter": "experts/plan", "labels": True, "forms": ["free", "plan"]},
    "cite": {"about": "answers from texts", "adapter": "experts/cite", "documents": True},
}
LETTERS = {"plan": "a", "cite": "b", "chat": "c"}


def adapter(folder: Path, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4, "lora_alpha": 64}')
    tensors = {
        f"base_model.model.model.layers.{layer}.self_attn.{module}.lora_{side}.weight": torch.randn(
            shape, generator=draw
        )
        for layer in range(2)
        for module, (outputs, inputs) in SHAPES.items()
        for side, shape in (("A", (4, inputs)), ("B", (outputs, 4)))
    }
    save_file(tensors, folder / "adapter_model.safetensors")


def router(folder: Path) -> None:
    names, letters = sorted(EXPERTS), LetterCounts()
    texts = [(LETTERS[name] * count, names.index(name)) for name in names for count in range(3, 12)]
    made = Labelled(
        letters.embed_counted([text for text, _ in texts])[0], np.array([label for _, label in texts])
    )
    save_router(fit(made, made, names, general="chat", embedder=letters.identity.weights_sha256), folder)


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ "base", and "team" over it with a router; nothing in "team" is a weight of its own."""
    directory = tmp_path_factory.mktemp("models")
    (directory / "base").mkdir()
    tiny_chat(directory / "base")
    team = directory / "team"
    for seed, name in enumerate(("plan", "cite")):
        adapter(team / "experts" / name, seed)
    router(team / "router")
    told = {"model": "base", "general": "chat", "experts": EXPERTS}
    (team / "experts.json").write_text(json.dumps(told))
    return directory


@pytest.fixture(scope="module")
def server(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    token = tmp_path_factory.mktemp("secret") / "token"
    token.write_text(TOKEN)
    given = parse(
        ["--port", "1", "--token-file", str(token), "--models-dir", str(models_dir), "--threads", "1"]
    )
    listed = {
        **listings(models_dir, {}, []),
        "letters": Listing("letters", "embedding", Path("letters"), 1),
    }
    load = loader(given)

    def loaded(listing: Listing) -> Any:
        return LocalEmbedder(LetterCounts()) if listing.name == "letters" else load(listing)

    with serve(Shelf(listed, loaded, chat="team", embedder="letters")) as url:
        yield url


def said(url: str, text: str, **more: Any) -> dict[str, Any]:
    body = {"messages": [{"role": "user", "content": text}], "max_tokens": 6, "temperature": 0, **more}
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Secretariat-Tenant": "tests"}
    with httpx.Client(base_url=url, trust_env=False, timeout=60, headers=headers) as http:
        while http.get("/healthz").status_code == 503:  # loading
            time.sleep(0.02)
        reply = http.post("/v1/chat/completions", json={"model": "default", **body})
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def test_a_request_goes_to_the_expert_that_it_is_for(server: str):
    by_plan, by_chat = said(server, "aaaa"), said(server, "cccc")
    assert (by_plan["expert"], by_chat["expert"]) == ("plan", "chat")
    plain = said(server, "aaaa", model="base")
    assert "expert" not in plain
    assert plain["choices"] != by_plan["choices"]
    assert said(server, "cccc", model="base")["choices"] == by_chat["choices"]


def test_who_gives_documents_is_answered_from_them_whatever_the_words(server: str):
    documents = [{"id": "1", "text": "c"}]
    assert said(server, "cccc", documents=documents)["expert"] == "cite"


def test_who_asks_for_a_plan_over_tools_gets_the_planner_whatever_the_words(server: str):
    schema = plan_schema([Action("a", "does a", ("b",))])
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    assert said(server, "cccc", response_format=wanted)["expert"] == "plan"


def test_an_expert_is_not_asked_for_what_it_does_not_answer(server: str):
    """The words are a plan's, but a label is wanted."""
    choice = {"type": "choice", "choice": {"choices": ["a", "b"]}}
    assert said(server, "aaaa", response_format=choice)["expert"] == "chat"


def test_which_label_fits_is_said_by_the_expert_for_labels(server: str):
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Secretariat-Tenant": "tests"}
    with httpx.Client(base_url=server, trust_env=False, timeout=60, headers=headers) as http:
        asked = {"input": "c", "labels": ["a", "b"]}
        by_team, by_base = (
            http.post("/v1/classify", json={"model": name, **asked}).json()["data"]
            for name in ("team", "base")
        )
    assert by_team != by_base


def test_experts_are_no_adapters_that_others_see_or_take_away(server: str):
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Secretariat-Tenant": "tests"}
    with httpx.Client(base_url=server, trust_env=False, timeout=60, headers=headers) as http:
        assert said(server, "aaaa")["expert"] == "plan"
        assert http.get("/v1/adapters").json()["data"] == []
        assert http.delete("/v1/adapters/expert%2Fplan").status_code == 404
        cards = {card["id"] for card in http.get("/v1/models").json()["data"]}
        assert cards == {"base", "team", "letters"}


def test_a_team_is_known_by_its_base_before_it_is_loaded(models_dir: Path, tmp_path: Path):
    (tmp_path / "token").write_text(TOKEN)
    given = parse(["--port", "1", "--token-file", str(tmp_path / "token"), "--models-dir", str(models_dir)])
    team, base = (listings(models_dir, {}, [])[name] for name in ("team", "base"))
    assert (team.card().family, team.bytes) == (base.card().family, base.bytes)
    assert sizer(given)(team) == sizer(given)(base)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"general": "nobody", "experts": EXPERTS}, "general"),
        ({"general": "chat", "experts": {"chat": {"adapter": "../team/experts/plan"}}}, "chat: adapter"),
        ({"general": "chat", "experts": {"chat": {"adapter": "experts/nobody"}}}, "chat: adapter"),
        ({"general": "chat", "experts": {"chat": {"documents": "yes"}}}, "chat: documents"),
        ({"general": "chat", "experts": {"chat": {"forms": ["prose"]}}}, "chat: forms"),
    ],
)
def test_experts_that_are_not_there_are_refused_by_name(tmp_path: Path, told: dict[str, Any], says: str):
    (tmp_path / "experts.json").write_text(json.dumps(told))
    with pytest.raises(ModelError, match=says) as caught:
        read_team(tmp_path)
    assert caught.value.code == "checkpoint_invalid"
