"""The model that comes with the code, as a server has it that is told no other."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from secretariat.models.commands.ship import MOST_BYTES
from secretariat.models.core import JsonSchemaConstraint
from secretariat.models.installed import OURS, SHIPPED, shipped
from secretariat.models.pull import problems, pull
from secretariat.models.training.data import extraction
from tests.models.serving.server import TOKEN, ask, await_healthy, start_server, stop_server
from tests.support.weights import CHAT, EMBEDDER, weights

pytestmark = pytest.mark.weights
SOURCES = [
    {"id": "1", "text": "The Orla mill was built in 1820 by Ann Lee. It has two wheels."},
    {
        "id": "2",
        "text": "The Brandt bridge was opened in 1911. Each day 900 carriages cross the Brandt bridge.",
    },
    {"id": "3", "text": "The seat of Falk Optics is in Norholm. Falk Optics makes lenses."},
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models")
    for name in (CHAT, EMBEDDER):
        (directory / name).symlink_to(weights(name))
    pull(OURS, directory)
    return directory


@pytest.fixture(scope="module")
def http(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    server = start_server(tmp_path_factory.mktemp("server"), models, chat=None)
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Secretariat-Tenant": "tests"}
    try:
        await_healthy(server)
        with httpx.Client(base_url=server.url, headers=headers, trust_env=False, timeout=120) as client:
            yield client
    finally:
        stop_server(server)


def test_it_is_whole_and_within_its_bytes(models: Path):
    assert problems(shipped()[OURS], models / OURS) == []
    assert sum(file.stat().st_size for file in SHIPPED.rglob("*") if file.is_file()) <= MOST_BYTES


@pytest.mark.parametrize(
    ("question", "source", "words"),
    [
        ("Who built the Orla mill?", "1", "Ann Lee"),
        ("How many carriages cross the Brandt bridge each day?", "2", "900"),
        ("Where is the seat of Falk Optics?", "3", "Norholm"),
    ],
)
def test_it_answers_from_the_source_that_says_it(http: httpx.Client, question: str, source: str, words: str):
    reply = ask(http, question, documents=SOURCES)
    assert (reply["model"], reply["expert"]) == (OURS, "grounded")
    (citation,) = reply["choices"][0]["message"]["citations"]
    assert citation["document_ids"] == [source]
    assert words in citation["text"]


def test_the_request_says_which_expert_answers(http: httpx.Client):
    """Of a seed that nothing was trained on."""
    (asked,) = extraction.examples(99, 1)
    constraint = asked.constraint
    assert isinstance(constraint, JsonSchemaConstraint)
    schema = {"name": "fields", "schema": json.loads(constraint.schema), "strict": True}
    fields = ask(
        http,
        "",
        messages=[{"role": each.role, "content": each.content} for each in asked.messages[:-1]],
        response_format={"type": "json_schema", "json_schema": schema},
        max_tokens=200,
    )
    assert fields["expert"] == "forms"
    assert json.loads(fields["choices"][0]["message"]["content"]).keys() == json.loads(asked.learnt).keys()
    assert ask(http, "Good morning! How are you?")["expert"] == "chat"
