"""From a row of logits to a token, as a request's sampling parameters say.

The random bits of a draw depend on (seed, position) alone, by Philox counters (Salmon et al., SC'11), so an
answer doesn't depend on what else runs in the batch. The arithmetic is in kernels/sampling; this file knows how
parameters become its rules and which tokens a request has seen. V: vocabulary.
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from secretariat.models.core import SamplingParams
from secretariat.models.kernels.library import BuildError, library
from secretariat.models.kernels.sampling import reference
from secretariat.models.kernels.sampling.cpu import CompiledDraw
from secretariat.models.kernels.sampling.reference import Edits, Floats, Rule, Words, unpacked

NOTHING: Mapping[int, float] = MappingProxyType({})
_log = logging.getLogger(__name__)
Draw = Callable[[Tensor, Words, Rule, Edits | None, int], int]
Likeliest = Callable[[Tensor, Sequence[Words | None]], list[int]]


def drawing_functions(width: int) -> tuple[Draw, Likeliest]:
    """Compiled, for rows of `width` logits, or NumPy's where nothing can be compiled: the same tokens."""
    compiler = library()
    if compiler is not None:
        try:
            compiled = CompiledDraw(compiler, width, torch.get_num_threads())
        except BuildError:
            _log.exception("the compiled draw isn't to be had; NumPy draws")
        else:
            return compiled, compiled.likeliest
    return reference.draw, reference.likeliest


def random_bits(seed: int, position: int) -> int:
    """64 random bits of the draw at this position."""
    return int(np.random.Philox(key=seed & (2**64 - 1), counter=position).random_raw())


def rule_of(sampling: SamplingParams) -> Rule:
    """Greedy at temperature 0; else temperature, then min-p, top-k and top-p, in this order."""
    return Rule.of(sampling.temperature, top_k=sampling.top_k, top_p=sampling.top_p, min_p=sampling.min_p)


class Chooser:
    """Draws for one request. All it knows follows from the request's tokens: it can be made anew anytime."""

    def __init__(self, draw: Draw, sampling: SamplingParams, prompt: Sequence[int], width: int) -> None:
        self._draw = draw
        self._sampling = sampling
        self._rule = rule_of(sampling)
        biased = [(token, bias) for token, bias in dict(sampling.logit_bias).items() if 0 <= token < width]
        self._biased_B = np.array([token for token, _ in biased], dtype=np.int32)
        self._bias_B = np.array([bias for _, bias in biased], dtype=np.float32)
        self._penalises = (
            sampling.repetition_penalty != 1
            or sampling.presence_penalty != 0
            or sampling.frequency_penalty != 0
        )
        self._edits = bool(biased) or self._penalises
        self._prompt = len(prompt)
        self._followed = 0
        self._place: dict[int, int] = {}
        self._seen_P = np.empty(256, dtype=np.int32)
        self._counts_P = np.zeros(256, dtype=np.int32)

    @property
    def plain(self) -> bool:
        """Whether it takes the likeliest token of the logits as they are."""
        return self._rule.scale == 0 and not self._edits

    def choose(
        self, logits_V: Tensor, allowed_W: Words, tokens: Sequence[int], biases: Mapping[int, float] = NOTHING
    ) -> int:
        """The token that follows `tokens` (prompt and output), or -1 where none is left to draw. `biases`: for
        this draw, beside the request's own."""
        edits = self._edits_after(tokens) if self._edits or biases else None
        if edits is not None and biases:
            edits = _with(edits, biases)
        bits = random_bits(self._sampling.seed, len(tokens)) if self._rule.scale else 0
        return self._draw(logits_V, allowed_W, self._rule, edits, bits)

    def _edits_after(self, tokens: Sequence[int]) -> Edits:
        if self._penalises:
            first = 0 if self._sampling.repetition_penalty != 1 else self._prompt
            for at in range(max(self._followed, first), len(tokens)):
                self._count(tokens[at], drawn=at >= self._prompt)
            self._followed = len(tokens)
        seen = len(self._place)
        return Edits(
            self._seen_P[:seen],
            self._counts_P[:seen],
            self._biased_B,
            self._bias_B,
            self._sampling.repetition_penalty,
            self._sampling.frequency_penalty,
            self._sampling.presence_penalty,
        )

    def _count(self, token: int, *, drawn: bool) -> None:
        place = self._place.setdefault(token, len(self._place))
        if place == len(self._seen_P):
            self._seen_P = np.resize(self._seen_P, 2 * place)
            self._counts_P = np.concatenate([self._counts_P, np.zeros(place, dtype=np.int32)])
        self._seen_P[place] = token
        self._counts_P[place] += drawn


def _with(edits: Edits, biases: Mapping[int, float]) -> Edits:
    own = dict(zip(edits.biased_B.tolist(), edits.bias_B.tolist(), strict=True))
    both = own | {token: bias + own.get(token, 0.0) for token, bias in biases.items()}
    return replace(
        edits,
        biased_B=np.array(list(both), dtype=np.int32),
        bias_B=np.array(list(both.values()), dtype=np.float32),
    )


def log_probabilities(logits_V: Tensor, allowed_W: Words) -> Floats:
    """Natural logs over the allowed tokens, -inf for the others.

    Of the model's own logits: before penalties, biases, temperature and cuts.
    """
    x_V = logits_V.numpy()
    x_V = np.where(unpacked(allowed_W, len(x_V)) & (x_V > -np.inf), x_V, np.float32(-np.inf))
    x_V -= x_V.max()
    return x_V - np.float32(math.log(np.exp(x_V).sum(dtype=np.float64)))


def likeliest(logprobs_V: Floats, count: int) -> list[tuple[int, float]]:
    """The `count` best tokens with a non-zero probability, best first, of equals the lowest id first."""
    left_V, best = logprobs_V.copy(), list[tuple[int, float]]()
    while len(best) < min(count, len(left_V)):
        token = int(left_V.argmax())
        if left_V[token] == -np.inf:
            break
        best.append((token, float(left_V[token])))
        left_V[token] = -np.inf
    return best
