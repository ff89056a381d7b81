"""Models that were put away come back with the same bits, and one whose files changed comes back as it is now."""

import asyncio
import json
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from secretariat.models.core import CallContext, ChatMessage, ChatRequest, SamplingParams
from secretariat.models.engine.cold import ColdModels
from secretariat.models.engine.local import EngineOptions, LocalChat
from secretariat.models.kernels.library import library
from tests.models.training.tiny_chat import tiny_chat

OPTIONS = EngineOptions(threads=1, contexts=1)


def said(chat: LocalChat) -> str:
    asked = ChatRequest((ChatMessage("user", "hello there"),), sampling=SamplingParams(max_tokens=12))
    return asyncio.run(chat.chat(asked, CallContext("t", "r"))).text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if library() is None:
        pytest.skip("no C++ compiler: nothing is packed")
    made = tmp_path / "tiny"
    made.mkdir()
    return tiny_chat(made)


def test_one_that_was_put_away_is_back_with_the_same_bits(folder: Path, tmp_path: Path):
    cold = ColdModels(tmp_path)
    first = cold.load(folder, OPTIONS, name="one").start()
    expected, identity = said(first), first.identity
    assert folder not in cold
    first.put_away()
    assert folder in cold
    for _ in range(2):
        again = cold.load(folder, OPTIONS, name="one").start()
        assert (said(again), again.identity) == (expected, identity)
        again.put_away()
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"], "its file has no name that would stay"


def test_files_that_changed_are_read_anew(folder: Path, tmp_path: Path):
    cold = ColdModels(tmp_path)
    first = cold.load(folder, OPTIONS, name="one").start()
    before, identity = said(first), first.identity
    first.put_away()
    tensors = load_file(folder / "model.safetensors")
    save_file({name: tensor * -1.5 for name, tensor in tensors.items()}, folder / "model.safetensors")
    again = cold.load(folder, OPTIONS, name="one").start()
    assert again.identity.weights_sha256 != identity.weights_sha256
    assert said(again) != before
    again.close()


def test_models_with_the_same_text_files_share_their_vocabulary(folder: Path, tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    tiny_chat(other, seed=1)
    cold = ColdModels(tmp_path)
    one, two = (cold.load(path, OPTIONS, name=path.name) for path in (folder, other))
    assert one._loaded.tokenizer is two._loaded.tokenizer
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"eos_token_id": 5}))
    assert cold.load(other, OPTIONS, name="other")._loaded.tokenizer is not two._loaded.tokenizer


def test_without_a_place_for_the_file_it_is_packed_again(folder: Path, tmp_path: Path):
    cold = ColdModels(tmp_path / "nowhere")
    first = cold.load(folder, OPTIONS, name="one").start()
    expected = said(first)
    first.put_away()
    again = cold.load(folder, OPTIONS, name="one").start()
    assert said(again) == expected
    again.close()
