"""One turn of one generation: logits in, a token or more drawn, an Emission out.

Knows no batch, no pages and no threads. Shapes: K rows of logits, one for the last token and one for each draft;
V the model's logits; W words of 32 mask bits; M rows of a step.
"""

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
from torch import Tensor

from secretariat.models.core import FinishReason
from secretariat.models.engine.events import Drawn, Emission
from secretariat.models.engine.request import Generation
from secretariat.models.engine.sampler import Chooser, drawing_functions, likeliest, log_probabilities
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.errors import ModelError
from secretariat.models.kernels.sampling.reference import Words


class Drawer:
    """Draws for one vocabulary; `width` is the model's number of logits, which may be larger."""

    def __init__(self, vocabulary: Vocabulary, width: int) -> None:
        self._vocabulary = vocabulary
        self._width = width
        self._draw, self._likeliest = drawing_functions(width)
        self._choosers: WeakKeyDictionary[Generation, Chooser] = WeakKeyDictionary()
        self._text_W = np.zeros(-(-width // 32), np.uint32)  # markup in an answer could pass for a turn
        self._text_W[: len(vocabulary.text_words)] = vocabulary.text_words
        self._drawable_W = self._text_W.copy()
        self._drawable_W[: len(vocabulary.eos_words)] |= vocabulary.eos_words

    def foresee(self, rows: Sequence[tuple[Generation, int]], logits_MV: Tensor) -> list[int]:
        """What `advance` will draw from each row, where that can be told for all rows at once; else -1.

        `rows`: whose the rows of `logits_MV` are and how many of them, in order.
        """
        allowed_M: list[Words | None] = []
        for generation, count in rows:
            plain = generation.matcher is None and self._chooser(generation).plain
            allowed_M += [self._allowed(generation) if plain else None] * count
        if all(allowed_W is None for allowed_W in allowed_M):
            return [-1] * len(allowed_M)
        return self._likeliest(logits_MV, allowed_M)

    def advance(
        self, generation: Generation, logits_KV: Tensor, foreseen_K: Sequence[int] | None = None
    ) -> Emission:
        """Draw from the first row; while what is taken equals the drafts, go on with the row behind it.

        Each row is drawn from just as it would be alone, so drafts change no output. Afterwards
        `generation.tokens` is what it was and the tokens newly taken: the drafts that proved right, then one or
        more that no row has been computed for. `generation.drafts` stays as it was: the tokens of the step that
        hold are those that `generation.tokens` has at the same positions. `foreseen_K` is of `foresee`. Raises
        ModelError.
        """
        drafts, row, text = generation.drafts, 0, ""
        assert len(logits_KV) == 1 + len(drafts), "a row for the last token and one for each draft"
        while True:
            before = len(generation.tokens)
            foreseen = foreseen_K[row] if foreseen_K is not None else -1
            piece, reason = self._turn(generation, logits_KV[row], foreseen)
            text += piece
            if reason is not None:
                return finished(generation, reason, text)
            taken = generation.tokens[before:]
            if drafts[row : row + len(taken)] != taken:
                return Emission(text, _unsent(generation) if text else ())
            row += len(taken)

    def _turn(
        self, generation: Generation, logits_V: Tensor, foreseen: int
    ) -> tuple[str, FinishReason | None]:
        """Draw a token, then take those that the constraint leaves no choice about."""
        allowed_W = self._allowed(generation)
        token = foreseen
        if token < 0:
            biases = {} if generation.matcher is None else generation.matcher.biases
            token = self._chooser(generation).choose(logits_V, allowed_W, generation.tokens, biases)
        if token in self._vocabulary.eos_ids:
            return "", "stop"
        if token < 0:
            raise ModelError(
                "engine_failed", "no token is left to draw: the model's numbers or its constraint broke"
            )
        text = self._take(generation, token, self._describe(generation, logits_V, allowed_W, token))
        matcher = generation.matcher
        for forced in matcher.forced(_budget(generation)) if matcher is not None else ():
            if generation.output.stopped or _budget(generation) < 1:
                break
            text += self._take(generation, forced, Drawn(self._vocabulary.tokens[forced], 0.0))
        if generation.output.stopped or (matcher is not None and matcher.finished):
            return text, "stop"
        return text, "length" if _budget(generation) < 1 else None

    def _chooser(self, generation: Generation) -> Chooser:
        chooser = self._choosers.get(generation)
        if chooser is None:
            chooser = Chooser(self._draw, generation.sampling, generation.prompt, self._width)
            self._choosers[generation] = chooser
        return chooser

    def _allowed(self, generation: Generation) -> Words:
        if generation.matcher is None:
            return self._text_W if generation.sampling.ignore_eos else self._drawable_W
        mask_W = generation.matcher.mask(_budget(generation))
        allowed_W = self._drawable_W.copy()
        allowed_W[: len(mask_W)] &= mask_W[: len(allowed_W)]
        allowed_W[len(mask_W) :] = 0
        return allowed_W

    def _describe(self, generation: Generation, logits_V: Tensor, allowed_W: Words, token: int) -> Drawn:
        tokens, wanted = self._vocabulary.tokens, generation.sampling.top_logprobs
        if wanted is None:
            return Drawn(tokens[token], 0.0)
        logprobs_V = log_probabilities(logits_V, allowed_W)
        best = tuple((tokens[i], value) for i, value in likeliest(logprobs_V, wanted))
        return Drawn(tokens[token], float(logprobs_V[token]), best)

    def _take(self, generation: Generation, token: int, drawn: Drawn) -> str:
        generation.tokens.append(token)
        if generation.sampling.top_logprobs is not None:
            generation.unsent.append(drawn)
        if generation.matcher is None:
            return generation.output.push(drawn.token)
        generation.matcher.accept(token)
        return generation.output.push(drawn.token, generation.matcher.settled)


def _budget(generation: Generation) -> int:
    """How many tokens may still be drawn."""
    return generation.sampling.max_tokens - generation.drawn


def finished(generation: Generation, reason: FinishReason, text: str = "") -> Emission:
    """The last emission, with all that was held back and may be shown."""
    return Emission(text + generation.output.finish(), _unsent(generation), reason, generation.usage)


def _unsent(generation: Generation) -> tuple[Drawn, ...]:
    drawn = tuple(generation.unsent)
    generation.unsent.clear()
    return drawn
