"""Constrained output with citations: text in which `<co: 1,2>…</co: 1,2>` spans are the only markup of their kind.

An automaton over bytes. Only given ids can be named, each once in a tag; a span isn't empty, closes with the ids
that it opened with and holds no other; the output ends outside of spans. That holds at the budget's end too: a
step is taken only if the way to the end of the span, spelled by the longest tokens that fit, still fits it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import regex

from secretariat.models.engine.citations import CLOSES, OPENS, rest_of_tag
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.errors import ModelError
from secretariat.models.kernels.sampling.reference import Words

_OPENS, _CLOSES = OPENS.encode(), CLOSES.encode()
_FILLER = b"."  # stands for whatever a span will say, when its shortest end is reckoned
_SPACE = b" \t\r\n"
_ID = regex.compile(r"[^\s<>,]+")
_MASKS_KEPT = 64


@dataclass(frozen=True, slots=True)
class _Text:
    """In text: inside the span of `ids`, outside where None. `started`: the latest bytes, if a tag begins so."""

    ids: tuple[bytes, ...] | None = None
    filled: bool = False
    started: bytes = b""


@dataclass(frozen=True, slots=True)
class _Opening:
    """Behind `<co:`: the ids before the last comma, and what is there of the next (None: the space is missing)."""

    ids: tuple[bytes, ...] = ()
    part: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Closing:
    """Behind `</co:`: the bytes that must come."""

    rest: bytes


_State = _Text | _Opening | _Closing


class Citing:
    """The automaton for one set of ids. Owns no position in an output."""

    def __init__(self, ids: Sequence[str]) -> None:
        for name in ids:
            if not _ID.fullmatch(name):
                raise ModelError(
                    "invalid_request",
                    f"a document's id has no spaces, commas or angle brackets: {name!r}",
                    param="documents",
                )
        self._ids = tuple(dict.fromkeys(name.encode() for name in ids))

    def after(self, state: _State | None, data: bytes) -> _State | None:
        """None where these bytes can't follow."""
        for value in data:
            if state is None:
                return None
            state = self._after_byte(state, bytes((value,)))
        return state

    def _after_byte(self, state: _State, byte: bytes) -> _State | None:
        if isinstance(state, _Text):
            return self._after_text(state, byte)
        if isinstance(state, _Closing):
            if not state.rest.startswith(byte):
                return None
            return _Closing(state.rest[1:]) if len(state.rest) > 1 else _Text()
        return self._after_opening(state, byte)

    def _after_opening(self, state: _Opening, byte: bytes) -> _State | None:
        if state.part is None:
            return _Opening((), b"") if byte == b" " else None
        if byte in (b",", b">"):
            if state.part not in self._left(state):
                return None
            ids = (*state.ids, state.part)
            if byte == b">":
                return _Text(ids)
            return _Opening(ids, b"") if len(ids) < len(self._ids) else None
        longer = state.part + byte
        return replace(state, part=longer) if any(i.startswith(longer) for i in self._left(state)) else None

    def _after_text(self, state: _Text, byte: bytes) -> _State | None:
        started = state.started + byte
        if started == _OPENS:
            return _Opening() if state.ids is None and self._ids else None
        if started == _CLOSES:
            closes = state.ids is not None and state.filled
            return _Closing(self._closing(state.ids or ())) if closes else None
        if _OPENS.startswith(started) or _CLOSES.startswith(started):
            return replace(state, started=started)
        filled = state.filled or bool(state.started) or byte not in (b"<", *(bytes((b,)) for b in _SPACE))
        return _Text(state.ids, state.ids is not None and filled, b"<" if byte == b"<" else b"")

    def _left(self, state: _Opening) -> list[bytes]:
        return [i for i in self._ids if i not in state.ids]

    def _closing(self, ids: tuple[bytes, ...]) -> bytes:
        return rest_of_tag([i.decode() for i in ids]).encode()

    def shortest_end(self, state: _State) -> tuple[bytes, bytes, bytes]:
        """Bytes that lead out of tag and span; none outside: the rest of an opening tag, text, a closing tag."""
        match state:
            case _Text(ids=None):
                return b"", b"", b""
            case _Text(ids=ids, filled=filled, started=started):
                assert ids is not None
                begun = len(started) if filled and _CLOSES.startswith(started) else 0
                return b"", b"" if filled else _FILLER, _CLOSES[begun:] + self._closing(ids)
            case _Closing(rest=rest):
                return b"", b"", rest
            case _Opening(ids=ids, part=part):
                candidates = [i for i in self._left(state) if i.startswith(part or b"")]
                name = min(candidates, key=lambda i: (len(i), i))
                head = b" " + name if part is None else name[len(part) :]
                return head + b">", _FILLER, _CLOSES + self._closing((*ids, name))

    def following(self, state: _State) -> Iterator[tuple[bytes, _State]]:
        """Each byte that may come next in a tag, and the state after it."""
        for value in sorted({value for name in (*self._ids, b" ,>") for value in name}):
            byte = bytes((value,))
            later = self._after_byte(state, byte)
            if later is not None:
                yield byte, later

    @cached_property
    def longest_end(self) -> int:
        """Bytes of the longest shortest end, and so at least its tokens."""
        tag = len(self._closing(self._ids))
        return 2 * tag + len(_CLOSES) + len(_FILLER)


class CitationMatcher:
    """See `Matcher` in grammar.py for the contract. Everything is settled: a stop string may cut a span short."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        ids: Sequence[str],
        weights: Sequence[float] = (),
        leaning: float = 0.0,
        *,
        apart: bool = False,
    ) -> None:
        """`weights`: of `ids`, or none; `leaning`: of an output that begins with a tag. Log odds. `apart`: tokens
        that are tag and text of a span in one will not be taken, so the end is reckoned without them."""
        self._vocabulary = vocabulary
        self._citing = Citing(ids)
        self._weights = {name.encode(): weight for name, weight in zip(ids, weights, strict=False)}
        self._leaning = leaning
        self._apart = apart
        needed = b"".join((_OPENS, _CLOSES, _FILLER, b" ,>", *(i.encode() for i in ids)))
        if ids and not vocabulary.lone_bytes.issuperset(needed):
            raise ModelError("invalid_request", "the model's vocabulary can't spell citations")
        self._past: list[_State] = [_Text()]
        self._length = [0]
        self._masks: dict[tuple[_State, int], Words] = {}

    @property
    def _now(self) -> _State:
        return self._past[-1]

    @property
    def span(self) -> tuple[str, ...] | None:
        """The ids of the span whose text may come next; None outside of spans and in a tag that closes one."""
        if not isinstance(self._now, _Text) or self._now.ids is None:
            return None
        return tuple(name.decode() for name in self._now.ids)

    @property
    def started(self) -> bytes:
        """The latest bytes of text, if an opening tag begins so."""
        started = self._now.started if isinstance(self._now, _Text) else b""
        return started if _OPENS.startswith(started) else b""

    def opens_plainly(self, token_id: int) -> bool:
        """Whether, outside of spans, an allowed token neither names a second id nor reaches a span's text."""
        state: _State | None = self._now
        data = self._vocabulary.tokens[token_id]
        for at in range(len(data)):
            if isinstance(state, _Text) and state.ids is not None:
                return False
            state = self._citing.after(state, data[at : at + 1])
            if isinstance(state, _Opening) and state.ids:
                return False
        return True

    @property
    def accepting(self) -> bool:
        return isinstance(self._now, _Text) and self._now.ids is None

    @property
    def finished(self) -> bool:
        return False

    @property
    def settled(self) -> int:
        return self._length[-1]

    @property
    def biases(self) -> dict[int, float]:
        """By token: towards a tag at the output's beginning, in an opening one towards the ids of more weight."""
        match self._now:
            case _Text() if len(self._past) == 1 and self._leaning:
                return dict.fromkeys(self._spelling(_OPENS), self._leaning)
            case _Opening(ids=(), part=part) if any(self._weights.values()):
                return self._towards_ids(part)
        return {}

    def _towards_ids(self, part: bytes | None) -> dict[int, float]:
        """Less what the heaviest of the ids still open has, so that an id of several tokens is weighed once."""
        head, begun = (b" ", 0) if part is None else (b"", len(part))
        named = [name for name in self._weights if name.startswith(part or b"")]
        most = max((self._weights[name] for name in named), default=0.0)
        found: dict[int, float] = {}
        for name in named:
            for token in self._spelling(head + name[begun:] + b">"):
                if self._vocabulary.tokens[token] != head:
                    found[token] = max(found.get(token, -np.inf), self._weights[name] - most)
        return found

    def _spelling(self, data: bytes) -> list[int]:
        """Tokens that `data` may begin with."""
        prefixes = self._vocabulary.prefixes
        found = (prefixes.get(data[:length], -1) for length in range(1, len(data) + 1))
        return [token for token in found if token >= 0]

    def accept(self, token_id: int) -> None:
        data = self._vocabulary.tokens[token_id]
        state = self._citing.after(self._now, data)
        assert state is not None, "a token outside the mask"
        self._past.append(state)
        self._length.append(self._length[-1] + len(data))

    def rollback(self, count: int) -> None:
        assert count < len(self._past), "more than was accepted"
        if count:
            del self._past[-count:]
            del self._length[-count:]

    def valid(self, token_ids: Sequence[int], budget: int) -> int:
        state, accepted = self._now, 0
        for token_id in token_ids:
            later = self._step(state, token_id, budget - accepted)
            if later is None:
                break
            state, accepted = later, accepted + 1
        return accepted

    def forced(self, budget: int) -> list[int]:
        """The bytes of a tag that have no alternative, if spelling them apart leaves enough of the budget."""
        state, sure = self._now, b""
        while not isinstance(state, _Text):
            choices = list(self._citing.following(state))
            if len(choices) != 1:
                break
            sure, state = sure + choices[0][0], choices[0][1]
        for spelling in (self._canonical(sure), self._vocabulary.spelled(sure)):
            if spelling and len(spelling) + self._cost(state) <= budget:
                return spelling
        return []

    def _canonical(self, data: bytes) -> list[int]:
        token_ids = self._vocabulary.encode(data.decode(errors="ignore"))
        return token_ids if b"".join(self._vocabulary.tokens[i] for i in token_ids) == data else []

    def mask(self, budget: int) -> Words:
        key = self._now, min(budget, self._citing.longest_end + 1)
        if key not in self._masks:
            if len(self._masks) >= _MASKS_KEPT:
                self._masks.clear()
            self._masks[key] = self._mask(*key)
        return self._masks[key]

    def _mask(self, state: _State, budget: int) -> Words:
        if isinstance(state, _Text):
            words = self._text_words(state, budget)
            checked = self._touching_tags(state)
        else:
            words = np.zeros_like(self._vocabulary.eos_words)
            checked = set(self._in_tag(b"", state))
        if state != _Text():
            checked.update(
                i for i, _ in self._vocabulary.spellings(b"".join(self._citing.shortest_end(state)), 0)
            )
        legal = [i for i in checked if self._step(state, i, budget) is not None]
        words = (words & ~self._vocabulary.words(checked)) | self._vocabulary.words(legal)
        return words | self._vocabulary.eos_words if self.accepting else words

    def _text_words(self, state: _Text, budget: int) -> Words:
        """Tokens that are mere text here, by the budget that they leave."""
        filled = _Text(state.ids, filled=state.ids is not None)
        if self._cost(_Text(state.ids)) < budget or (state.filled and self._cost(filled) < budget):
            return self._vocabulary.text_words
        if self._cost(filled) < budget:
            return self._vocabulary.visible_words
        return np.zeros_like(self._vocabulary.eos_words)

    def _touching_tags(self, state: _Text) -> set[int]:
        """Tokens that aren't mere text: they have a tag in them, end like one, or complete what has `started`."""
        found = {i for tag in (_OPENS, _CLOSES) for i in self._vocabulary.containing(tag)}
        if state.ids is not None and not state.filled:
            found.update(i for i in self._vocabulary.containing(b"<") if self._ends_like_a_tag(i))
        for tag in (_OPENS, _CLOSES):
            if state.started and tag.startswith(state.started):
                found.update(self._vocabulary.beginning_with(tag[len(state.started) :]))
        return found

    def _ends_like_a_tag(self, token_id: int) -> bool:
        token = self._vocabulary.tokens[token_id]
        end = token[token.rindex(b"<") :]
        return _OPENS.startswith(end) or _CLOSES.startswith(end)

    def _in_tag(self, prefix: bytes, state: _State) -> Iterator[int]:
        """Tokens whose bytes can follow `prefix` + …, as far as a tag goes; behind it any text may come."""
        if isinstance(state, _Text):
            yield from self._vocabulary.beginning_with(prefix)
            return
        for byte, later in self._citing.following(state):
            token_id = self._vocabulary.prefixes.get(prefix + byte)
            if token_id is None:
                continue
            if token_id >= 0:
                yield token_id
            yield from self._in_tag(prefix + byte, later)

    def _step(self, state: _State, token_id: int, budget: int) -> _State | None:
        data = self._vocabulary.tokens[token_id]
        later = self._citing.after(state, data) if data else None
        return later if later is not None and self._cost(later) < budget else None

    def _cost(self, state: _State) -> int:
        """Tokens of the shortest end."""
        parts = self._citing.shortest_end(state)
        return sum(map(self._length_of, parts if self._apart else (b"".join(parts),)))

    def _length_of(self, data: bytes) -> int:
        spelling = self._vocabulary.spelled(data)
        assert spelling is not None, "every byte of a tag has a token"
        return len(spelling)
