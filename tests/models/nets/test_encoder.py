"""The embedder: equal to transformers' BERT with mean pooling, whatever shares a batch."""

from functools import cache

import numpy as np
import pytest
import torch

from secretariat.models.kernels.library import library
from secretariat.models.nets.load_encoder import LoadedEmbedder, load_embedder
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


@cache
def in_torch() -> LoadedEmbedder:
    return load_embedder(weights(EMBEDDER), backend="torch")


@cache
def compiled() -> LoadedEmbedder:
    if library() is None:
        pytest.skip("no C++ compiler: install g++ to test the compiled operations")
    return load_embedder(weights(EMBEDDER), backend="native", threads=2)


def transformers_states(text: str) -> torch.Tensor:
    with torch.inference_mode():
        states: torch.Tensor = transformers_bert()(
            torch.tensor(embedder().tokenizer.encode([text]))
        ).last_hidden_state[0]
    return states


@pytest.mark.parametrize(("form", "least"), [(in_torch, 0.9999), (compiled, 0.999)])
def test_vectors_are_those_of_transformers(form, least):
    ours = form().embed(TEXTS)
    assert ours.shape == (len(TEXTS), 384)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)
    for text, vector in zip(TEXTS, ours, strict=True):
        expected = torch.nn.functional.normalize(transformers_states(text).mean(0), dim=0).numpy()
        assert vector @ expected >= least


@pytest.mark.parametrize(("form", "least"), [(in_torch, 0.9999), (compiled, 0.99)])
def test_token_vectors_are_the_states_of_transformers(form, least):
    for text, vectors in zip(TEXTS, form().token_vectors(TEXTS), strict=True):
        assert vectors.dtype == np.float16
        expected = torch.nn.functional.normalize(transformers_states(text), dim=-1).numpy()
        wide = vectors.astype(np.float32)
        lengths = np.linalg.norm(wide, axis=1)
        np.testing.assert_allclose(lengths, 1, atol=1e-3)
        assert ((wide * expected).sum(axis=1) / lengths).min() >= least


def test_the_compiled_form_says_what_it_computes_in():
    assert in_torch().identity.dtype == "float32"
    assert in_torch().arithmetic.backend == "torch"
    assert compiled().identity.dtype == "bfloat16+u8"
    assert compiled().arithmetic.exact


def test_compiled_operations_serve_unless_torch_is_asked_for():
    assert compiled().arithmetic.backend == "native"
    assert embedder().arithmetic == compiled().arithmetic


def test_texts_of_a_few_tokens_are_as_near_as_long_ones():
    """In eight bits alone a question mark was off by more than a thousandth."""
    texts = ["?", "", "badge", "Ωmega", "a b c", *TEXTS[0].split(), "how often is a badge checked " * 3]
    cosines = (compiled().embed(texts) * in_torch().embed(texts)).sum(axis=1)
    assert cosines.min() >= 0.999


def test_no_bit_of_the_compiled_form_depends_on_company():
    company = compiled().embed(TEXTS)
    for text, vector in zip(TEXTS, company, strict=True):
        assert np.array_equal(compiled().embed([text])[0], vector)


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
