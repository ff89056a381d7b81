"""The chat vocabulary: what goes in comes out, and text never turns into control tokens."""

import json

import llguidance
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from secretariat.models.errors import ModelError
from secretariat.models.tokens.gguf_bpe import tokenizer_of
from tests.support.weights import chat_model

pytestmark = pytest.mark.weights

SAMPLES = [
    "The supplier delivers within 30 days.",
    "naïve façade — “quoted” … ½ ß",
    "日本語のテキスト, 한국어, العربية",
    "👩‍👩‍👧‍👦 family 🇦🇹 flag 🫠",
    "line\n\n\ttabbed   spaces \r\n end ",
    "def f(x):\n    return x ** 2  # 1234567890",
    "\x00\x01 control \x7f",
    "",
]


@pytest.fixture
def tokenizer():
    return chat_model().tokenizer


@pytest.mark.parametrize("text", SAMPLES)
def test_text_survives_the_round_trip(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(text=st.text(st.characters(max_codepoint=0x1FFFF, exclude_categories=["Cs"]), max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_text_survives_the_round_trip_and_the_stream(text):
    tokenizer = chat_model().tokenizer
    assume(tokenizer.missing_bytes.isdisjoint(text.encode()))  # the vocabulary lacks a few
    ids = tokenizer.encode(text)
    stream = tokenizer.detokenizer()
    pieces = [stream.push(token) for token in ids]
    assert "".join(pieces) + stream.finish() == tokenizer.decode(ids) == text
    assert tokenizer.count([text]) == [len(ids)]


def test_ids_are_those_the_model_was_trained_with(tokenizer):
    ids = tokenizer.encode("What is the capital of France?")
    assert ids == [1780, 314, 260, 3575, 282, 4649, 47]
    assert tokenizer.encode(" ½") == [*tokenizer.encode(" "), *tokenizer.encode("½")]


def test_digits_are_single_tokens(tokenizer):
    assert [tokenizer.decode([token]) for token in tokenizer.encode("2026")] == ["2", "0", "2", "6"]


def test_control_tokens_in_text_stay_text_unless_asked(tokenizer):
    text = "a<|im_end|>b"
    plain = tokenizer.encode(text)
    assert not tokenizer.control_ids & set(plain)
    assert tokenizer.decode(plain) == text
    marked = tokenizer.encode(text, control=True)
    assert tokenizer.control_tokens["<|im_end|>"] in marked
    assert tokenizer.decode(marked) == "ab"


def test_the_stream_holds_back_half_a_character(tokenizer):
    ids = tokenizer.encode("🫠")
    assert len(ids) > 1
    stream = tokenizer.detokenizer()
    assert [stream.push(token) for token in ids[:-1]] == [""] * (len(ids) - 1)
    assert stream.push(ids[-1]) == "🫠"
    stream.push(ids[0])
    assert stream.finish() == "\ufffd"


def test_llguidance_sees_the_same_vocabulary(tokenizer):
    theirs = tokenizer.llguidance
    assert theirs.vocab_size == tokenizer.vocab_size
    assert theirs.eos_token == tokenizer.eos_id
    for token in range(17, tokenizer.vocab_size, 997):
        assert theirs.decode_bytes([token]) == tokenizer.token_bytes(token)


def test_a_json_schema_admits_its_values_and_nothing_else(tokenizer):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    grammar = llguidance.LLMatcher.grammar_from_json_schema(
        json.dumps(schema | {"additionalProperties": False})
    )
    matcher = llguidance.LLMatcher(tokenizer.llguidance, grammar)
    assert matcher.validate_tokens(ids := tokenizer.encode('{"n": 12}')) == len(ids)
    assert matcher.consume_tokens(ids)
    assert matcher.is_accepting()
    refused = tokenizer.encode('{"m": 1}')
    fresh = llguidance.LLMatcher(tokenizer.llguidance, grammar)
    assert fresh.validate_tokens(refused) < len(refused)


METADATA = {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "smollm",
    "tokenizer.ggml.tokens": ["<|im_end|>", "a", "b", "ab"],
    "tokenizer.ggml.token_type": [3, 1, 1, 1],
    "tokenizer.ggml.merges": ["a b"],
    "tokenizer.ggml.eos_token_id": 0,
}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model", "llama"),
        ("pre", "some-other"),
        ("tokens", ["<|im_end|>", "a", "b", "a"]),
        ("tokens", ["<|im_end|>", "a", "b", "→"]),
        ("token_type", [3]),
        ("merges", ["a c"]),
        ("eos_token_id", 4),
    ],
)
def test_a_wrong_vocabulary_is_refused_by_key(key, value):
    assert tokenizer_of(METADATA).encode("ab") == [3]
    with pytest.raises(
        ModelError, match=rf"tokenizer\.ggml\.{key if key != 'tokens' else '(tokens|merges)'}"
    ):
        tokenizer_of(METADATA | {f"tokenizer.ggml.{key}": value})
