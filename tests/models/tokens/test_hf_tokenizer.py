"""tokenizer.json of both kinds: text survives, control tokens stay text, ids beyond the vocabulary stay silent."""

import json

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

from secretariat.models.core import ChatMessage
from secretariat.models.errors import ModelError
from secretariat.models.tokens.chat import encode_chat
from secretariat.models.tokens.files import text_of_directory
from secretariat.models.tokens.hf_tokenizer import open_tokenizer

SPECIALS = ["<s>", "</s>", "<|user|>"]
TEXTS = ["naïve façade", "日本語 🫠", "two  spaces\nand\ta tab", " leading", ""]


def byte_level() -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return backend


def sentencepiece() -> Tokenizer:
    """As Llama 2 and Mistral have it: ▁ for spaces, bytes for what isn't in the vocabulary."""
    tokens = [f"<0x{byte:02X}>" for byte in range(256)] + ["▁", *"abcdefghijklmnopqrstuvwxyz"]
    backend = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=[], byte_fallback=True))
    backend.normalizer = normalizers.Replace(" ", "▁")
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return backend


@pytest.fixture(params=[byte_level, sentencepiece])
def path(request, tmp_path):
    backend = request.param()
    backend.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in SPECIALS])
    backend.add_tokens([AddedToken("<tool>", normalized=False, special=False)])
    backend.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def size_of(path) -> int:
    return Tokenizer.from_file(str(path)).get_vocab_size(with_added_tokens=True)


@pytest.mark.parametrize("text", TEXTS)
def test_text_survives_the_round_trip_and_the_stream(path, text):
    tokenizer = open_tokenizer(path, size_of(path), frozenset({1}))
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert tokenizer.count([text]) == [len(ids)]
    stream = tokenizer.detokenizer()
    assert "".join(map(stream.push, ids)) + stream.finish() == text


def test_control_tokens_in_text_stay_text_unless_asked(path):
    tokenizer = open_tokenizer(path, size_of(path), frozenset({1}))
    plain = tokenizer.encode("a</s>b")
    assert not tokenizer.control_ids & set(plain)
    assert tokenizer.decode(plain) == "a</s>b"
    end = tokenizer.control_tokens["</s>"]
    assert end in tokenizer.encode("a</s>b", control=True)
    assert tokenizer.token_bytes(end) == b""
    tool = size_of(path) - 1
    assert tokenizer.token_bytes(tool) == b"<tool>"
    assert tokenizer.encode("x<tool>y")[1] == tool


def test_rows_without_a_token_are_control_tokens(path):
    size = size_of(path)
    tokenizer = open_tokenizer(path, size + 5, frozenset({1}))
    assert tokenizer.vocab_size == size + 5
    assert tokenizer.control_ids >= set(range(size, size + 5))
    assert tokenizer.llguidance.vocab_size == size + 5


@pytest.mark.parametrize(("rows", "ends", "says"), [(10, {1}, "the network 10"), (400, {400}, "end a text"),
                                                    (400, set(), "end a text")])  # fmt: skip
def test_a_tokenizer_that_does_not_fit_the_network_is_refused(path, rows, ends, says):
    with pytest.raises(ModelError, match=says) as caught:
        open_tokenizer(path, rows, frozenset(ends))
    assert caught.value.code == "checkpoint_invalid"


def test_a_kind_that_spells_otherwise_is_refused(tmp_path):
    backend = Tokenizer(models.WordLevel({"hello": 0, "[UNK]": 1}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ModelError, match=r"of no known kind.*Whitespace"):
        open_tokenizer(tmp_path / "tokenizer.json", 2, frozenset({1}))


def test_a_space_goes_before_no_piece_of_a_conversation(path):
    described = json.loads(path.read_text())
    if described["decoder"]["type"] == "ByteLevel":
        return
    described["normalizer"] = None
    described["pre_tokenizer"] = {
        "type": "Metaspace",
        "replacement": "▁",
        "prepend_scheme": "first",
        "split": False,
    }
    path.write_text(json.dumps(described))
    tokenizer = open_tokenizer(path, size_of(path), frozenset({1}))
    assert tokenizer.decode(tokenizer.encode("a b")) == "a b"


@pytest.mark.parametrize("place", ["file", "text", "list"])
def test_template_and_ends_are_found_where_they_are_written(path, place):
    folder, size = path.parent, size_of(path)
    user, end = size - 2, size - 3
    template = "{{ bos_token }}{% for m in messages %}<|user|>{{ m.content }}{{ eos_token }}{% endfor %}"
    settings: dict[str, object] = {"bos_token": {"content": "<s>"}, "eos_token": "</s>"}
    if place == "file":
        (folder / "chat_template.jinja").write_text(template)
    elif place == "text":
        settings["chat_template"] = template
    else:
        settings["chat_template"] = [
            {"name": "rag", "template": "x"},
            {"name": "default", "template": template},
        ]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "config.json").write_text(json.dumps({"eos_token_id": 0}))
    assert text_of_directory(folder, size).tokenizer.eos_ids == {0}
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [end, user]}))
    text = text_of_directory(folder, size)
    assert text.tokenizer.eos_ids == {end, user}
    assert text.template is not None
    ids = encode_chat(text.template, text.tokenizer, [ChatMessage("user", "a<|user|>")])
    assert (ids[0], ids[1], ids[-1]) == (size - 4, user, end)
    assert ids.count(user) == 1
    assert text.tokenizer.decode(ids) == "a<|user|>"
