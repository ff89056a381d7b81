"""Constraint -> matcher: which tokens may come next. JSON goes through llguidance, copies through `copying`.

Knows no model and no logits.
"""

import json
from typing import TYPE_CHECKING, Protocol

import llguidance
import llguidance.numpy
import numpy as np

from secretariat.models.core import ChoiceConstraint, Constraint, JsonSchemaConstraint
from secretariat.models.engine.copying import choice_matcher, span_matcher
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.errors import ModelError

if TYPE_CHECKING:
    from llguidance._lib import JsonCompileOptions

# Small models drift into endless white space when JSON's grammar lets them.
_LAYOUT: "JsonCompileOptions" = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


class Matcher(Protocol):
    """The state of one constrained output. Only tokens inside `mask()` may be accepted."""

    @property
    def accepting(self) -> bool:
        """Whether the output may end here (the mask then holds the end tokens)."""
        ...

    @property
    def finished(self) -> bool:
        """Whether nothing but the end can follow."""
        ...

    @property
    def settled(self) -> int:
        """How many bytes of the output may be shown: cut there, it still keeps its promise."""
        ...

    def mask(self) -> np.ndarray:
        """bool [vocabulary]; at least one is True unless `finished`."""
        ...

    def accept(self, token_id: int) -> None: ...

    def forced(self) -> list[int]:
        """Tokens that must come next, whatever the model says; empty when it has a choice."""
        ...


class JsonMatcher:
    """JSON text that a schema accepts, by llguidance's parser. All of it is settled: a cut shows as a cut."""

    def __init__(self, vocabulary: Vocabulary, schema: str) -> None:
        self._vocabulary = vocabulary
        self._length = 0
        try:
            grammar = llguidance.LLMatcher.grammar_from_json_schema(schema, overrides=_LAYOUT)
        except ValueError as error:
            raise ModelError(
                "invalid_schema", f"not a JSON schema: {error}", param="response_format"
            ) from error
        self._state = llguidance.LLMatcher(vocabulary.grammar_view, grammar, log_level=0)
        if self._state.is_error():
            reason = self._state.get_error().splitlines()[0]
            raise ModelError("invalid_schema", f"unusable JSON schema: {reason}", param="response_format")
        self._bits = llguidance.numpy.allocate_token_bitmask(1, vocabulary.grammar_view.vocab_size)

    @property
    def accepting(self) -> bool:
        return bool(self._state.is_accepting())

    @property
    def finished(self) -> bool:
        return bool(self._state.is_stopped()) or (self.accepting and not self._text_may_follow())

    @property
    def settled(self) -> int:
        return self._length

    def _text_may_follow(self) -> bool:
        allowed = self.mask()
        allowed[list(self._vocabulary.eos_ids)] = False
        return bool(allowed.any())

    def mask(self) -> np.ndarray:
        llguidance.numpy.fill_next_token_bitmask(self._state, self._bits, 0)
        bits = np.unpackbits(self._bits[0].view(np.uint8), bitorder="little")
        allowed = bits[: len(self._vocabulary)].astype(np.bool_)
        allowed[list(self._vocabulary.eos_ids)] = self.accepting
        return allowed

    def accept(self, token_id: int) -> None:
        if not self._state.consume_token(token_id):
            raise ModelError("engine_failed", f"the grammar refused a token: {self._state.get_error()}")
        self._length += len(self._vocabulary.tokens[token_id])

    def forced(self) -> list[int]:
        return [] if self._state.is_stopped() else list(self._state.compute_ff_tokens())


class Grammars:
    """Builds matchers over one vocabulary. Thread-safe: building shares nothing mutable."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        len(vocabulary.prefixes)  # built now, not under the first request

    def matcher(self, constraint: Constraint) -> Matcher:
        """Raises ModelError invalid_schema or invalid_request when nothing could satisfy the constraint."""
        if isinstance(constraint, JsonSchemaConstraint):
            _check_is_object(constraint.schema)
            return JsonMatcher(self._vocabulary, constraint.schema)
        if isinstance(constraint, ChoiceConstraint):
            return choice_matcher(constraint, self._vocabulary)
        return span_matcher(constraint, self._vocabulary)


def _check_is_object(schema: str) -> None:
    try:
        value = json.loads(schema)
    except json.JSONDecodeError as error:
        raise ModelError(
            "invalid_schema", f"the schema isn't JSON: {error}", param="response_format"
        ) from error
    if not isinstance(value, dict | bool):
        raise ModelError("invalid_schema", "a JSON schema is an object", param="response_format")
