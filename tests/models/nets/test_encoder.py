"""The embedder: equal to transformers' BERT with mean pooling, whatever shares a batch."""

from functools import cache

import numpy as np
import pytest
import torch

from tests.support.weights import EMBEDDER, embedder, weights

pytestmark = pytest.mark.weights

TEXTS = [
    "The supplier shall deliver within 30 days.",
    "",
    "naïve FAÇADE 日本 🫠 [SEP] [MASK]",
    "a much longer passage about quarterly revenue and its causes " * 9,
    "word " * 700,
]


@cache
def transformers_bert():
    from transformers import BertModel

    return BertModel.from_pretrained(weights(EMBEDDER), add_pooling_layer=False).eval()


def test_vectors_are_those_of_transformers():
    ours = embedder().embed(TEXTS)
    assert ours.shape == (len(TEXTS), 384)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)
    for text, vector in zip(TEXTS, ours, strict=True):
        ids = embedder().tokenizer.encode([text])
        with torch.inference_mode():
            mean = transformers_bert()(torch.tensor(ids)).last_hidden_state[0].mean(0)
        expected = torch.nn.functional.normalize(mean, dim=0).numpy()
        assert vector @ expected >= 0.9999


def test_ids_are_those_of_transformers():
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(weights(EMBEDDER))
    for text in (TEXTS[0], TEXTS[1], TEXTS[3], TEXTS[4]):
        expected = theirs(text, truncation=True, max_length=256)["input_ids"]
        assert embedder().tokenizer.encode([text]) == [expected]


def test_markup_in_a_text_is_only_text():
    (ids,) = embedder().tokenizer.encode(["[SEP] [CLS]"])
    assert ids.count(102) == 1
    assert ids.count(101) == 1


def test_a_text_means_the_same_alone_and_in_company():
    company = embedder().embed(TEXTS)
    for text, vector in zip(TEXTS, company, strict=True):
        assert embedder().embed([text])[0] @ vector > 0.99999


def test_what_is_alike_is_near():
    cat, feline, revenue = embedder().embed(["a cat sat", "the feline was seated", "quarterly revenue grew"])
    assert cat @ feline > 0.5
    assert cat @ revenue < 0.2


def test_counts_are_of_the_whole_text():
    assert embedder().count_tokens(["", "hello", "word " * 700]) == [2, 3, 702]
    assert embedder().max_tokens == 256


def test_no_texts_no_vectors():
    assert embedder().embed([]).shape == (0, 384)
