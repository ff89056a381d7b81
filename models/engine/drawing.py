"""One turn of one generation: logits in, a token or more drawn, an Emission out.

Knows no batch, no pages and no threads.
"""

import numpy as np
import torch
from torch import Tensor

from secretariat.models.core import FinishReason
from secretariat.models.engine.events import Drawn, Emission
from secretariat.models.engine.request import Generation
from secretariat.models.engine.sampler import choose, likeliest, log_probabilities
from secretariat.models.engine.vocabulary import Vocabulary


class Drawer:
    """Draws for one vocabulary; `width` is the model's number of logits, which may be larger."""

    def __init__(self, vocabulary: Vocabulary, width: int) -> None:
        self._vocabulary = vocabulary
        drawable = np.array([bool(token) for token in vocabulary.tokens])
        drawable[sorted(vocabulary.control_ids)] = False  # markup in an answer could pass for a turn
        drawable[sorted(vocabulary.eos_ids)] = True
        self._drawable_V = torch.zeros(width, dtype=torch.bool)
        self._drawable_V[: len(drawable)] = torch.from_numpy(drawable)

    def advance(self, generation: Generation, logits_V: Tensor) -> Emission:
        """Draw a token, then take those that the constraint leaves no choice about. Raises ModelError."""
        logits_V = logits_V.masked_fill(~self._allowed(generation), -torch.inf)
        token = choose(logits_V, generation.sampling, len(generation.tokens))
        if token in self._vocabulary.eos_ids:
            return finished(generation, "stop")
        text = self._take(generation, token, self._describe(generation, logits_V, token))
        for forced in generation.matcher.forced() if generation.matcher is not None else ():
            if generation.drawn < generation.sampling.max_tokens:
                text += self._take(generation, forced, Drawn(self._vocabulary.tokens[forced], 0.0))
        if generation.output.stopped or (generation.matcher is not None and generation.matcher.finished):
            return finished(generation, "stop", text)
        if generation.drawn >= generation.sampling.max_tokens:
            return finished(generation, "length", text)
        return Emission(text, _unsent(generation) if text else ())

    def _allowed(self, generation: Generation) -> Tensor:
        if generation.matcher is None:
            return self._drawable_V
        mask = torch.from_numpy(generation.matcher.mask())
        allowed_V = self._drawable_V.clone()
        allowed_V[: len(mask)] &= mask
        return allowed_V

    def _describe(self, generation: Generation, logits_V: Tensor, token: int) -> Drawn:
        tokens, wanted = self._vocabulary.tokens, generation.sampling.top_logprobs
        if wanted is None:
            return Drawn(tokens[token], 0.0)
        logprobs_V = log_probabilities(logits_V)
        best = tuple((tokens[i], value) for i, value in likeliest(logprobs_V, wanted)) if wanted else ()
        return Drawn(tokens[token], float(logprobs_V[token]), best)

    def _take(self, generation: Generation, token: int, drawn: Drawn) -> str:
        generation.tokens.append(token)
        if generation.sampling.top_logprobs is not None:
            generation.unsent.append(drawn)
        if generation.matcher is None:
            return generation.output.push(drawn.token)
        generation.matcher.accept(token)
        return generation.output.push(drawn.token, generation.matcher.settled)


def finished(generation: Generation, reason: FinishReason, text: str = "") -> Emission:
    """The last emission, with all that was held back and may be shown."""
    return Emission(text + generation.output.finish(), _unsent(generation), reason, generation.usage)


def _unsent(generation: Generation) -> tuple[Drawn, ...]:
    drawn = tuple(generation.unsent)
    generation.unsent.clear()
    return drawn
