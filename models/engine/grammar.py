"""Constraint -> matcher: which tokens may come next.

JSON and regular expressions go through llguidance, copies through `copying`, citations through `citing`. Knows no
model and no logits.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import llguidance
import llguidance.numpy

from secretariat.models.core import (
    ChoiceConstraint,
    CitationConstraint,
    Constraint,
    JsonSchemaConstraint,
    RegexConstraint,
    VerbatimSpanConstraint,
)
from secretariat.models.engine.citing import CitationMatcher
from secretariat.models.engine.copying import choice_matcher, span_matcher
from secretariat.models.engine.quoting import QuotingMatcher
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.errors import ModelError
from secretariat.models.kernels.sampling.reference import Words

if TYPE_CHECKING:
    from llguidance._lib import JsonCompileOptions

# Small models drift into endless white space when JSON's grammar lets them.
_LAYOUT: "JsonCompileOptions" = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


class Matcher(Protocol):
    """The state of one constrained output. Only tokens inside `mask()` may be accepted.

    `budget`: how many tokens may still be drawn, at least 1. A matcher whose output must not be cut just anywhere
    allows a token only if what then remains of the budget is enough to come to an end.
    """

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

    def mask(self, budget: int) -> Words:
        """A bit for each token of the vocabulary, the lowest first; at least one is set unless `finished`."""
        ...

    @property
    def biases(self) -> Mapping[int, float]:
        """By token, what is added to its logit before the next draw."""
        ...

    def accept(self, token_id: int) -> None: ...

    def rollback(self, count: int) -> None:
        """Forget the last `count` accepted tokens."""
        ...

    def valid(self, token_ids: Sequence[int], budget: int) -> int:
        """How many of these (no end tokens among them) could be accepted, one after the other. Accepts none."""
        ...

    def forced(self, budget: int) -> list[int]:
        """Tokens that must come next, whatever the model says; empty when it has a choice."""
        ...


class GuidedMatcher:
    """What llguidance's parser accepts. All of it is settled: a cut shows as a cut, whatever the budget was."""

    def __init__(self, vocabulary: Vocabulary, grammar: str, what: str) -> None:
        """`what` the grammar was made of, for the errors. Raises ModelError invalid_schema."""
        self._vocabulary = vocabulary
        self._what = what
        self._lengths = [0]
        self._state = llguidance.LLMatcher(vocabulary.grammar_view, grammar, log_level=0)
        self._bits = llguidance.numpy.allocate_token_bitmask(1, vocabulary.grammar_view.vocab_size)
        self._filled = False
        self._check()
        self.mask(1)  # some grammars show only now that they accept nothing

    def _check(self) -> None:
        """An error also counts as stopped: unnoticed, it would pass for a complete output."""
        if self._state.is_error():
            reason = self._state.get_error().splitlines()[0]
            raise ModelError("invalid_schema", f"unusable {self._what}: {reason}", param="response_format")

    @property
    def accepting(self) -> bool:
        return bool(self._state.is_accepting())

    @property
    def finished(self) -> bool:
        if self._state.is_stopped():
            return True
        return self.accepting and not (self.mask(1) & ~self._vocabulary.eos_words).any()

    @property
    def settled(self) -> int:
        return self._lengths[-1]

    @property
    def biases(self) -> Mapping[int, float]:
        return {}

    def mask(self, budget: int) -> Words:  # noqa: ARG002
        eos = self._vocabulary.eos_words
        words: Words = self._bits[0].view("uint32")[: len(eos)]
        if not self._filled:
            llguidance.numpy.fill_next_token_bitmask(self._state, self._bits, 0)
            self._check()
            words &= ~eos
            if self.accepting:
                words |= eos
            self._filled = True
        return words

    def accept(self, token_id: int) -> None:
        if not self._state.consume_token(token_id):
            raise ModelError("engine_failed", f"the grammar refused a token: {self._state.get_error()}")
        self._lengths.append(self._lengths[-1] + len(self._vocabulary.tokens[token_id]))
        self._filled = False

    def rollback(self, count: int) -> None:
        assert count < len(self._lengths), "more than was accepted"
        if count:
            self._state.rollback(count)
            del self._lengths[-count:]
            self._filled = False

    def valid(self, token_ids: Sequence[int], budget: int) -> int:  # noqa: ARG002
        return 0 if self._state.is_stopped() else int(self._state.validate_tokens(list(token_ids)))

    def forced(self, budget: int) -> list[int]:  # noqa: ARG002
        return [] if self._state.is_stopped() else list(self._state.compute_ff_tokens())


class Grammars:
    """Builds matchers over one vocabulary. Thread-safe: building shares nothing mutable."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        vocabulary.prepare()  # now, not under the first request

    def matcher(self, constraint: Constraint) -> Matcher:
        """Raises ModelError invalid_schema or invalid_request when nothing could satisfy the constraint."""
        match constraint:
            case JsonSchemaConstraint(schema=schema):
                return GuidedMatcher(self._vocabulary, _json_grammar(schema), "JSON schema")
            case RegexConstraint(pattern=pattern):
                grammar = llguidance.LLMatcher.grammar_from_regex(pattern)
                return GuidedMatcher(self._vocabulary, grammar, "regular expression")
            case ChoiceConstraint():
                return choice_matcher(constraint, self._vocabulary)
            case VerbatimSpanConstraint():
                return span_matcher(constraint, self._vocabulary)
            case CitationConstraint(ids=ids, texts=(), weights=weights, leaning=leaning):
                return CitationMatcher(self._vocabulary, ids, weights, leaning)
            case CitationConstraint():
                return QuotingMatcher(self._vocabulary, constraint)


def _json_grammar(schema: str) -> str:
    try:
        value = json.loads(schema)
    except json.JSONDecodeError as error:
        raise ModelError(
            "invalid_schema", f"the schema isn't JSON: {error}", param="response_format"
        ) from error
    if not isinstance(value, dict | bool):
        raise ModelError("invalid_schema", "a JSON schema is an object", param="response_format")
    try:
        return llguidance.LLMatcher.grammar_from_json_schema(schema, overrides=_LAYOUT)
    except ValueError as error:
        raise ModelError("invalid_schema", f"not a JSON schema: {error}", param="response_format") from error
