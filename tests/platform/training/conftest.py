"""A tiny model in files, trained by the real process and served with its adapters by the real server."""

import dataclasses
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from fastapi import FastAPI

from secretariat.models.adapters.svf import make_basis, read_basis, save_basis
from secretariat.models.checkpoints.digest import weights_sha256
from secretariat.models.engine.embedding import LocalEmbedder
from secretariat.models.engine.local import EngineOptions, LocalChat, load_chat
from secretariat.models.nets.adapters import AdapterPlan
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.remote import RemoteModels
from secretariat.models.serving.listing import Listing
from secretariat.models.serving.shelf import Shelf
from secretariat.platform.app import create_app
from secretariat.platform.db.session import Database
from secretariat.platform.services import Services
from tests.models.serving.toy_server import TOKEN, LetterCounts, serve
from tests.models.training.tiny_chat import tiny_chat
from tests.support.app import make_services


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("training-home")
    model = made / "models" / "tiny"
    model.mkdir(parents=True)
    tiny_chat(model)
    (made / "models" / "bare").mkdir()  # nobody made a basis for it
    (made / "adapters").mkdir()
    checkpoint = open_checkpoint(model)
    basis = make_basis(checkpoint.weights, checkpoint.config, directions=24)
    save_basis(
        basis,
        made / "adapters" / "tiny.basis.safetensors",
        {"weights_sha256": weights_sha256(checkpoint.paths)},
    )
    return made


@pytest.fixture(scope="session")
def model_url(home: Path) -> Iterator[str]:
    checkpoint = open_checkpoint(home / "models" / "tiny")
    basis = read_basis(home / "adapters" / "tiny.basis.safetensors", checkpoint.config, checkpoint.paths)
    plan = AdapterPlan(rows=2, rank=16, basis=basis)
    options = EngineOptions(threads=1, backend="torch", contexts=1, adapters=plan)
    chat = load_chat(home / "models" / "tiny", options, name="tiny").start()
    embedder = LocalEmbedder(LetterCounts())
    loaded: dict[str, LocalChat | LocalEmbedder] = {"tiny": chat, "letters": embedder}
    listed = {
        "tiny": Listing("tiny", "chat", Path(), 1),
        "letters": Listing("letters", "embedding", Path(), 1),
    }
    shelf = Shelf(listed, lambda listing: loaded[listing.name], chat="tiny", embedder="letters")
    with serve(shelf, home / "adapters") as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def services(database: Database, home: Path, model_url: str) -> AsyncIterator[Services]:
    made = make_services(database, home=home, training_threads=1)
    await made.models.aclose()
    models = RemoteModels(model_url, TOKEN, chat="tiny", embedder="letters")
    yield dataclasses.replace(made, models=models)
    await models.aclose()


@pytest.fixture(scope="session")
def app(services: Services) -> FastAPI:
    return create_app(services)
