import json
import random

import jsonschema
import pytest

from secretariat.models.core import JsonSchemaConstraint
from secretariat.models.engine.grammar import Grammars
from secretariat.models.errors import ModelError
from tests.models.engine.toy import EOS, VOCABULARY

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
        forced = matcher.forced()
        allowed = forced[:1] or matcher.mask().nonzero()[0].tolist()
        assert allowed, "a dead end"
        token = draw.choice(allowed)
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
    assert b"".join(VOCABULARY.tokens[t] for t in matcher.forced()) == b'{"kind": "'


@pytest.mark.parametrize("schema", ["{", "[]", '"x"', '{"type": "nonsense"}', '{"$ref": "#/nowhere"}'])
def test_an_unusable_schema_is_refused_with_a_reason(schema: str):
    with pytest.raises(ModelError) as caught:
        GRAMMARS.matcher(JsonSchemaConstraint(schema))
    assert caught.value.code == "invalid_schema"
