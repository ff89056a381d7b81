"""How probable each of several labels is as the next words of a model that may say nothing else.

Walks the tree of their spellings: where labels share a beginning, the model is asked again behind it. Every
spelling counts, so the probabilities are those of drawing under the constraint, and they sum to 1.
"""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence

from secretariat.models.core import ChatMessage, LabelScore

Said = tuple[bytes, ...]
Distribution = Sequence[tuple[bytes, float]]
Ask = Callable[[Said], Awaitable[Distribution]]
"""The tokens said so far -> each that may come next and its log-probability among them; the end is no bytes."""

_NEGLIGIBLE = 1e-6  # a beginning less probable than this is shared out evenly instead of being followed


async def label_probabilities(labels: Sequence[str], ask: Ask) -> dict[str, float]:
    """`labels` are different and none is empty."""
    found = dict.fromkeys(labels, 0.0)
    waiting: list[tuple[Said, float]] = [((), 1.0)]
    while waiting:
        said, mass = waiting.pop()
        beginning = b"".join(said)
        possible = [label for label in labels if label.encode().startswith(beginning)]
        if len(possible) == 1 or mass < _NEGLIGIBLE:
            for label in possible:
                found[label] += mass / len(possible)
            continue
        for token, share in _shares(await ask(said)):
            if token:
                waiting.append(((*said, token), mass * share))
            else:
                found[beginning.decode()] += mass * share
    return found


def _shares(distribution: Distribution) -> list[tuple[bytes, float]]:
    shares = [(token, math.exp(logprob)) for token, logprob in distribution]
    total = sum(share for _, share in shares)
    return [(token, share / total) for token, share in shares]


def asking(text: str, labels: Sequence[str], instruction: str) -> tuple[ChatMessage, ...]:
    """The question to a chat model. The text comes last: what is before it is the same for all texts."""
    task = instruction or "Which of these labels fits the text best? Answer with the label alone."
    return (ChatMessage("user", f"{task}\nLabels: {', '.join(labels)}\n\nText:\n{text}"),)


def best_first(probabilities: Mapping[str, float]) -> tuple[LabelScore, ...]:
    """Of labels that are equally probable the first one stays first."""
    scores = [LabelScore(label, probability) for label, probability in probabilities.items()]
    return tuple(sorted(scores, key=lambda score: -score.probability))
