"""An encoder with a head of labels in this process: asyncio on one side, a thread of its own on the other.

Knows no HTTP and no engine. Shape letters: T tokens, L labels.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from secretariat.models.core import (
    CallContext,
    ClassifyResult,
    LabelScore,
    ModelCard,
    TokenLabels,
    Usage,
)
from secretariat.models.engine.encoder_thread import EncoderThread
from secretariat.models.engine.identity import identity_of
from secretariat.models.engine.labelled_spans import token_spans
from secretariat.models.engine.labels import best_first
from secretariat.models.errors import ModelError
from secretariat.models.nets.load_encoder import LoadedLabeller
from secretariat.models.tokens.encoder_tokenizer import EncodedText

Floats = npt.NDArray[np.float64]


class LocalLabeller:
    """Labels are the checkpoint's own; which of both methods it has follows from its head."""

    refusal: ModelError | None = None
    keeps = False  # anything that would be lost with it

    def __init__(self, loaded: LoadedLabeller, weight_bytes: int = 0) -> None:
        self._loaded = loaded
        self._thread = EncoderThread("labeller")
        self.identity = identity_of(loaded.identity)
        self.bytes = weight_bytes

    def put_away(self) -> None:
        """As `close`, for one that will be wanted again."""
        self.close()

    def close(self) -> None:
        self._thread.close()

    def card(self) -> ModelCard:
        identity = self.identity
        return ModelCard(
            identity.name, "classifier", self._loaded.max_tokens, "unknown", identity.weights_sha256
        )

    async def classify(self, texts: Sequence[str], call: CallContext) -> ClassifyResult:
        """Of labels that exclude each other the probabilities sum to 1; of others each is one of its own.

        Raises ModelError: invalid_request where the head labels tokens, context_length_exceeded.
        """
        self._check("text")
        made = await self._thread.run(self._computed, texts, call)
        rows = [dict(zip(self._loaded.head.labels, row.tolist(), strict=True)) for _, row in _each(made)]
        scores: tuple[tuple[LabelScore, ...], ...] = tuple(map(best_first, rows))
        return ClassifyResult(scores, _usage(made), self.identity)

    async def label_tokens(
        self, texts: Sequence[str], call: CallContext, *, merge: bool = True
    ) -> TokenLabels:
        """`merge`: neighbours of one label become one span. Raises as `classify`, where the head labels texts."""
        self._check("token")
        made = await self._thread.run(self._computed, texts, call)
        spans = tuple(
            token_spans(text, encoded.spans, probabilities_TL, self._loaded.head.labels, merge=merge)
            for text, (encoded, probabilities_TL) in zip(texts, _each(made), strict=True)
        )
        return TokenLabels(spans, _usage(made), self.identity)

    def _check(self, over: Literal["text", "token"]) -> None:
        head = self._loaded.head
        if head.over != over:
            raise ModelError(
                "invalid_request",
                f"{self.identity.name} was trained to label each {head.over}: ask it with task {head.over!r}",
                param="task",
            )

    def _computed(self, texts: Sequence[str]) -> list[tuple[EncodedText, Floats]]:
        encoded = self._loaded.encode(texts)
        squash = _softmax if self._loaded.head.exclusive else _sigmoid
        return [
            (text, squash(logits)) for text, logits in zip(encoded, self._loaded.logits(encoded), strict=True)
        ]


def _each(made: Sequence[list[tuple[EncodedText, Floats]]]) -> list[tuple[EncodedText, Floats]]:
    return [entry for slice_ in made for entry in slice_]


def _usage(made: Sequence[list[tuple[EncodedText, Floats]]]) -> Usage:
    return Usage(sum(len(encoded.ids) for encoded, _ in _each(made)), 0)


def _softmax(logits: npt.NDArray[np.float32]) -> Floats:
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def _sigmoid(logits: npt.NDArray[np.float32]) -> Floats:
    shares: Floats = 1 / (1 + np.exp(-logits.astype(np.float64)))
    return shares
