"""Encoders with a head of labels: equal to transformers', whatever shares a batch; and refused by name."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from secretariat.models.errors import ModelError
from secretariat.models.nets.load_encoder import load_labeller
from tests.models.nets.tiny_encoders import LABELS, TEXTS, save_labeller


@pytest.mark.parametrize("over", ["text", "token"])
@pytest.mark.parametrize("kind", ["Bert", "Roberta", "XLMRoberta", "DistilBert"])
def test_logits_are_those_of_transformers(tmp_path: Path, kind: str, over: str):
    theirs = save_labeller(tmp_path, kind, over)
    ours = load_labeller(tmp_path)
    assert (ours.head.over, ours.head.labels) == (over, tuple(LABELS))
    encoded = ours.encode(TEXTS)
    for text, found in zip(encoded, ours.logits(encoded), strict=True):
        with torch.inference_mode():
            expected = theirs(torch.tensor([text.ids])).logits[0].numpy()
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


def test_spans_are_of_characters_and_the_framing_has_none(tmp_path: Path):
    save_labeller(tmp_path, "Bert", "token")
    (text,) = load_labeller(tmp_path).encode(["🫠 é Annas"])
    assert text.spans == [None, (0, 1), (2, 3), (4, 8), (8, 9), None]


def test_a_pooler_that_no_token_goes_through_does_no_harm(tmp_path: Path):
    save_labeller(tmp_path, "Bert", "token")
    file = tmp_path / "model.safetensors"
    extra = {
        "bert.pooler.dense.weight": np.zeros((32, 32), "f4"),
        "bert.embeddings.position_ids": np.arange(64),
    }
    save_file(load_file(file) | extra, file)
    load_labeller(tmp_path)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"architectures": ["BertModel"]}, "no head"),
        ({"architectures": []}, "no head"),
        ({"id2label": {"1": "x", "2": "y"}}, "id2label"),
        ({"id2label": {"0": "x"}}, "1 labels"),
        ({"problem_type": "regression"}, "regression"),
        ({"model_type": "deberta"}, "deberta"),
        ({"hidden_act": "relu"}, "hidden_act"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type"),
        ({"is_decoder": True}, "is_decoder"),
        ({"mystery": 1}, "mystery"),
        ({"num_attention_heads": 5}, "do not divide"),
        ({"num_hidden_layers": 1}, "encoder.layer.1"),
        ({"id2label": {"0": "x", "1": "y"}}, "classifier.weight has shape"),
    ],
)
def test_what_is_not_what_it_says_is_refused(tmp_path: Path, fields: dict[str, object], named: str):
    save_labeller(tmp_path, "Bert", "text")
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    with pytest.raises(ModelError, match=named) as caught:
        load_labeller(tmp_path)
    assert caught.value.code == "checkpoint_invalid"


def test_a_text_that_would_be_cut_is_refused(tmp_path: Path):
    save_labeller(tmp_path, "Roberta", "token")
    loaded = load_labeller(tmp_path)
    assert loaded.max_tokens == 62  # two rows of the table are before the first position
    with pytest.raises(ModelError) as caught:
        loaded.encode(["a", "anna " * 61])
    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "input")
    assert "text 1 has 63 tokens" in caught.value.message
    loaded.logits(loaded.encode(["anna " * 60]))
