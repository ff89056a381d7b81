"""Loading: what a directory lacks or misstates is refused, and says so."""

import shutil

import pytest

from secretariat.models.catalog import CATALOG
from secretariat.models.checkpoints.digest import file_sha256
from secretariat.models.core import ChatMessage
from secretariat.models.errors import ModelError
from secretariat.models.kernels.library import library
from secretariat.models.nets.load import load_chat_model
from secretariat.models.nets.load_encoder import load_embedder
from tests.models.nets.tiny_gguf import checkpoint
from tests.support.weights import CHAT, EMBEDDER, chat_model, embedder, weights


def test_a_small_checkpoint_loads(tmp_path):
    chat = load_chat_model(checkpoint(tmp_path), backend="torch", form="bfloat16")
    assert chat.context_length == 16
    assert chat.identity.dtype == chat.network.arithmetic.weights == "bfloat16"
    assert chat.identity.weights_sha256 == file_sha256(tmp_path / "tiny.gguf")
    assert chat.encode_chat([ChatMessage("user", "ab")]) == [3]


def test_a_base_model_has_no_conversations(tmp_path):
    chat = load_chat_model(checkpoint(tmp_path, template=None), backend="torch")
    with pytest.raises(ModelError, match="base model without a chat template") as caught:
        chat.encode_chat([ChatMessage("user", "hello")])
    assert (caught.value.code, caught.value.param) == ("invalid_request", "model")


def test_a_form_that_a_backend_cannot_hold_is_refused(tmp_path):
    with pytest.raises(ModelError, match="torch backend holds float32 or bfloat16, not q4") as caught:
        load_chat_model(checkpoint(tmp_path), backend="torch", form="q4")
    assert caught.value.code == "invalid_request"


def test_without_a_compiler_torch_steps_in(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRETARIAT_ISA", "none")
    library.cache_clear()
    try:
        assert load_chat_model(checkpoint(tmp_path)).network.arithmetic.backend == "torch"
        with pytest.raises(ModelError, match="needs a C\\+\\+ compiler"):
            load_chat_model(tmp_path, backend="native")
    finally:
        library.cache_clear()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"tensors": {"blk.0.attn_q.weight": None}}, "blk.0.attn_q.weight is missing"),
        ({"tensors": {"blk.0.attn_q.weight": (8, 9)}}, "blk.0.attn_q.weight has shape"),
        ({"tensors": {"blk.0.attn_q.bias": (8,)}}, "blk.0.attn_q.bias has no place"),
        ({"tensors": {"blk.1.attn_norm.weight": (8,)}}, "blk.1.attn_norm.weight has no place"),
        ({"tensors": {"token_embd.weight": None}}, "token_embd.weight is missing"),
        ({"tensors": {"token_embd.weight": (5, 8)}}, "token_embd.weight has shape"),
        ({"numbers": {"expert_count": 8}}, "expert_count"),
        ({"numbers": {"block_count": 0}}, "block_count"),
        ({"numbers": {"attention.head_count_kv": 3}}, "do not divide"),
        ({"numbers": {"rope.dimension_count": 2}}, "rope.dimension_count"),
        ({"template": "{% if %}"}, "chat template does not parse"),
    ],
)
def test_what_would_change_the_maths_is_refused(tmp_path, change, place):
    with pytest.raises(ModelError, match=place) as caught:
        load_chat_model(checkpoint(tmp_path, **change), backend="torch")
    assert caught.value.code == "checkpoint_invalid"


def test_an_empty_directory_says_what_to_run(tmp_path):
    for load in (load_chat_model, load_embedder):
        with pytest.raises(ModelError) as caught:
            load(tmp_path)
        assert caught.value.code == "weights_missing"


@pytest.mark.weights
def test_identities_are_the_catalogues():
    for loaded in (chat_model(), embedder()):
        pinned = {file.sha256 for file in CATALOG[loaded.identity.name].files}
        assert loaded.identity.weights_sha256 in pinned
    assert chat_model().context_length == CATALOG[CHAT].context_length
    assert embedder().dim == CATALOG[EMBEDDER].dim


@pytest.mark.weights
@pytest.mark.parametrize(
    ("file", "old", "new", "place"),
    [
        ("config.json", '"gelu"', '"relu"', "hidden_act"),
        ("config.json", '"num_hidden_layers": 6', '"num_hidden_layers": 5', "encoder.layer.5"),
        ("config.json", '"num_hidden_layers": 6', '"num_hidden_layers": 7', "encoder.layer.6"),
        ("config.json", '"hidden_size": 384', '"hidden_size": 96', "has shape"),
        ("1_Pooling/config.json", "true", "false", "pooling"),
        ("tokenizer.json", '"vocab"', '"words"', "tokenizer.json"),
    ],
)
def test_an_encoder_that_is_not_what_it_says_is_refused(tmp_path, file, old, new, place):
    source = weights(EMBEDDER)
    copy = tmp_path / "copy"
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("model.safetensors"))
    (copy / "model.safetensors").symlink_to(source / "model.safetensors")
    (copy / file).write_text((source / file).read_text().replace(old, new))
    with pytest.raises(ModelError, match=place) as caught:
        load_embedder(copy)
    assert caught.value.code == "checkpoint_invalid"
