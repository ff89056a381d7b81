"""What a server knows of its models before they are loaded, and what they count with."""

import json
from pathlib import Path

import pytest

from secretariat.models.catalog import ModelFile, ModelSource
from secretariat.models.checkpoints.digest import file_sha256
from secretariat.models.core import CallContext, ChatMessage, ChatRequest, SamplingParams
from secretariat.models.engine.local import LocalChat
from secretariat.models.errors import ModelError
from secretariat.models.installed import write_record
from secretariat.models.serving.__main__ import parse
from secretariat.models.serving.listing import listings
from secretariat.models.serving.loading import loader, sizer
from secretariat.models.serving.shelf import Shelf
from tests.models.nets.tiny_gguf import checkpoint

CALL = CallContext("t", "r")


@pytest.fixture
def added(tmp_path: Path) -> Path:
    """A models directory with "mine", which somebody added."""
    directory = tmp_path / "models" / "mine"
    directory.mkdir(parents=True)
    checkpoint(directory)
    file = directory / "tiny.gguf"
    files = (ModelFile(file.name, file_sha256(file), file.stat().st_size), ModelFile("LICENSE", "0" * 64, 1))
    write_record(ModelSource("mine", "chat", "llama", files, (), "MIT", 16), directory)
    return directory.parent


def options(models_dir: Path, *more: str):
    required = (
        "--port",
        "1",
        "--token-file",
        str(models_dir.parent / "token"),
        "--models-dir",
        str(models_dir),
    )
    (models_dir.parent / "token").write_text("a-service-token-for-tests")
    return parse([*required, "--threads", "1", *more])


def shelf_of(models_dir: Path, budget: int, *more: str) -> Shelf:
    given = options(models_dir, *more)
    listed = listings(models_dir, dict(given.model), [])
    return Shelf(listed, loader(given), chat="mine", embedder="mine", budget=budget, size=sizer(given))


def test_the_record_of_an_added_model_is_what_is_listed(added: Path):
    card = listings(added, {}, [])["mine"].card()
    file = added / "mine" / "tiny.gguf"
    assert (card.licence, card.family, card.context_length) == ("MIT", "llama", 16)
    assert (card.weights_sha256, card.bytes, card.loaded) == (file_sha256(file), file.stat().st_size, False)


def test_a_file_without_a_record_speaks_for_itself(tmp_path: Path):
    checkpoint(tmp_path, licence="apache-2.0")
    card = listings(tmp_path, {"here": tmp_path / "tiny.gguf"}, [])["here"].card()
    assert (card.licence, card.family, card.context_length) == ("apache-2.0", "llama", 16)
    assert card.weights_sha256 == ""


def test_so_does_a_configuration_and_a_broken_one_says_nothing(tmp_path: Path):
    for name, text in (
        ("good", json.dumps({"model_type": "jamba", "max_position_embeddings": 9})),
        ("bad", "{"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(b"x")
        (tmp_path / name / "config.json").write_text(text)
    (tmp_path / "worse").mkdir()
    (tmp_path / "worse" / "x.gguf").write_bytes(b"GGUF")
    cards = {name: listing.card() for name, listing in listings(tmp_path, {}, []).items()}
    assert (cards["good"].family, cards["good"].context_length) == ("jamba", 9)
    for name in ("bad", "worse"):
        assert (cards[name].family, cards[name].context_length, cards[name].licence) == ("", 0, "unknown")


async def test_a_model_is_served_from_a_file_by_the_name_it_was_given(tmp_path: Path):
    checkpoint(tmp_path, licence="MIT")
    (tmp_path / "models").mkdir()
    shelf = shelf_of(tmp_path / "models", 2**30, "--model", f"mine={tmp_path / 'tiny.gguf'}")
    async with shelf.chat("mine") as model:
        asked = ChatRequest((ChatMessage("user", "ab"),), sampling=SamplingParams(max_tokens=2))
        result = await model.chat(asked, CALL)
        assert result.model.name == "mine"
    card = shelf.card("mine")
    assert (card.licence, card.family, card.form, card.loaded) == ("MIT", "llama", model.identity.dtype, True)
    assert card.bytes == model.bytes
    await shelf.close()


@pytest.mark.parametrize("more", [(), ("--dtype", "float32", "--contexts", "5"), ("--kv", "float32"),
                                  ("--backend", "torch")])  # fmt: skip
def test_what_a_model_counts_with_is_known_before_it_is_loaded(added: Path, more: tuple[str, ...]):
    given = options(added, *more)
    listing = listings(added, {}, [])["mine"]
    expected = sizer(given)(listing)
    model = loader(given)(listing)
    assert isinstance(model, LocalChat)
    assert model.bytes == expected
    model.close()


async def test_a_budget_that_keys_and_values_do_not_fit_in_refuses_before_loading(added: Path):
    listing = listings(added, {}, [])["mine"]
    one, many = (sizer(options(added, "--contexts", count))(listing) for count in ("1", "50"))
    assert one < many
    shelf = shelf_of(added, many - 1, "--contexts", "50")
    with pytest.raises(ModelError, match="fewer --contexts") as caught:
        async with shelf.chat("mine"):
            pass
    assert caught.value.code == "invalid_request"
    assert str(many) in caught.value.message
    assert shelf.loaded() == []
    await shelf.close()
    shelf = shelf_of(added, one, "--contexts", "1")
    async with shelf.chat("mine"):
        pass
    await shelf.close()


def test_files_that_cannot_be_read_are_said_when_sized(added: Path):
    (added / "mine" / "tiny.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelError) as caught:
        sizer(options(added))(listings(added, {}, [])["mine"])
    assert caught.value.code == "checkpoint_invalid"
