import json
import random
import re

import jsonschema
import pytest

from secretariat.models.core import JsonSchemaConstraint, RegexConstraint
from secretariat.models.engine.grammar import Grammars
from secretariat.models.errors import ModelError
from tests.models.engine.toy_vocabulary import EOS, VOCABULARY, allowed

GRAMMARS = Grammars(VOCABULARY)
SCHEMA = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["search", "answer", "ünïcode"]},
        "count": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 3}, "maxItems": 2},
    },
    "required": ["kind", "count", "tags"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("seed", range(15))
def test_a_random_walk_parses_and_validates(seed: int):
    matcher, draw, out = GRAMMARS.matcher(JsonSchemaConstraint(json.dumps(SCHEMA))), random.Random(seed), b""
    for _ in range(400):
        tokens = matcher.forced(100)[:1] or allowed(matcher)
        assert tokens, "a dead end"
        token = draw.choice(tokens)
        if token == EOS:
            break
        matcher.accept(token)
        out += VOCABULARY.tokens[token]
        assert matcher.settled == len(out)
        if matcher.finished:
            break
    jsonschema.validate(json.loads(out), SCHEMA)


def test_keys_are_forced():
    matcher = GRAMMARS.matcher(JsonSchemaConstraint(json.dumps(SCHEMA)))
    assert b"".join(VOCABULARY.tokens[t] for t in matcher.forced(100)) == b'{"kind": "'


@pytest.mark.parametrize("schema", ["{", "[]", '"x"', '{"type": "nonsense"}', '{"$ref": "#/nowhere"}'])
def test_an_unusable_schema_is_refused_with_a_reason(schema: str):
    with pytest.raises(ModelError) as caught:
        GRAMMARS.matcher(JsonSchemaConstraint(schema))
    assert caught.value.code == "invalid_schema"


@pytest.mark.parametrize(
    "pattern", ["[0-9]{2,3}", "", "a*b?", "(yes|no), (because|although) [a-z ]{1,20}\\.", "é+"]
)
def test_a_random_walk_matches_the_whole_pattern(pattern: str):
    for seed in range(8):
        matcher, draw, out = GRAMMARS.matcher(RegexConstraint(pattern)), random.Random(seed), b""
        while not matcher.finished and len(out) < 60:
            tokens = allowed(matcher)
            assert tokens, "a dead end"
            token = EOS if EOS in tokens and draw.random() < 0.3 else draw.choice(tokens)
            if token == EOS:
                break
            matcher.accept(token)
            out += VOCABULARY.tokens[token]
        if matcher.accepting:
            assert re.fullmatch(pattern, out.decode())


@pytest.mark.parametrize("pattern", ["(a", "(?!a)b", "a\\b", r"[^\s\S]"])
def test_an_unusable_pattern_is_refused_with_a_reason(pattern: str):
    with pytest.raises(ModelError, match="unusable regular expression") as caught:
        GRAMMARS.matcher(RegexConstraint(pattern))
    assert caught.value.code == "invalid_schema"


def test_what_was_taken_back_is_as_if_it_had_never_been():
    matcher = GRAMMARS.matcher(RegexConstraint("[0-9]{2,4}"))
    matcher.accept(ord("1"))
    before = allowed(matcher), matcher.settled, matcher.accepting
    assert matcher.valid([ord(c) for c in "2345"], 100) == 3
    assert matcher.valid([ord("x")], 100) == 0
    matcher.accept(ord("2"))
    assert matcher.accepting
    assert EOS in allowed(matcher)
    matcher.rollback(1)
    assert (allowed(matcher), matcher.settled, matcher.accepting) == before
